// What nginx alone cannot do at the edge: choose between two playlists by what they list, check tokens, tell the age.
// It runs in Debian 12's njs (0.7), where each request has a machine of its own and nothing is shared in memory: what
// was served last is kept in a file for each playlist.
import crypto from 'crypto';
import fs from 'fs';
import settings from 'settings.js';
import slow from 'slow.js';

const segment = settings.segment;
const staleAfter = 1.5 * segment;               // since the newest segment was first served
const forgetAfter = Math.max(30e3, 6 * segment); // then numbers may begin anew, as those of another segment length do

// playlist answers with a media playlist or an MPD of one of the origins: that of the last time, while it is fresh; of
// the other if that one goes further. What was served once is never taken back: where both are behind it, it is served
// again until it is stale. An origin that is passed over is the other.
async function playlist(r) {
    const last = recall(r);
    const preferred = slow.better(last ? last.origin : 'a');
    const one = await ask(r, preferred, last);
    if (one.usable && one.fresh) {
        return serve(r, one, last);
    }
    const other = await ask(r, preferred === 'a' ? 'b' : 'a', last);
    if (other.usable && (!one.usable || goesFurther(other, one))) {
        return serve(r, other, last);
    }
    if (one.usable) {
        return serve(r, one, last);
    }
    if (last && Date.now() - last.changed <= staleAfter) {
        return hold(r, last);
    }
    return refuse(r, one.status === other.status ? one.status : 503);
}

// media chooses whom a segment is asked of first: slate of one origin is not served where the other has media. That it
// is slate is told by how short a time it may be kept. One that is passed over is asked first when it is tried again.
async function media(r) {
    const due = slow.due();
    const back = due ? await look(r, due) : {media: false};
    const claimed = back.media ? slow.claim(due) : '';
    if (claimed) {
        return fill(r, due, claimed);
    }
    const first = slow.better('a'), second = first === 'a' ? 'b' : 'a';
    const one = await look(r, first);
    if (one.media) {
        return fill(r, first, '');
    }
    const two = one.there ? await look(r, second) : {media: true};
    fill(r, two.media ? second : first, '');
}

async function look(r, origin) {
    if (!settings.look) {
        return {there: true, media: true};
    }
    const reply = await r.subrequest('/_look_' + origin + r.uri, {method: 'HEAD'});
    const most = /\bmax-age=(\d+)/.exec(reply.headersOut['Cache-Control'] || '');
    const there = reply.status === 200;
    return {there: there, media: there && !(most && Number(most[1]) <= 1)};
}

function fill(r, origin, claimed) {
    slow.begin(r, origin, claimed);
    r.internalRedirect('/_media_' + origin + r.uri);
}

// ask gets the playlist of one origin, and judges it by what was served last.
async function ask(r, origin, last) {
    const reply = await r.subrequest('/_' + origin + r.uri, {method: 'GET'});
    const out = {origin: origin, status: reply.status, usable: false, fresh: false};
    const list = reply.status === 200 ? read(reply.responseText) : null;
    if (!list) {
        return out;
    }
    out.head = kept(reply.headersOut);
    out.body = reply.responseText;
    out.list = list;
    out.usable = !last || list.last >= last.last;
    const since = last && last.last === list.last ? last.changed : Date.parse(reply.headersOut['Last-Modified']);
    out.fresh = !list.gap && !(Date.now() - since > staleAfter); // not known is fresh
    return out;
}

// goesFurther: more is listed, or media where the other lists a gap.
function goesFurther(a, b) {
    return a.list.last > b.list.last || (a.list.last === b.list.last && b.list.gap && !a.list.gap);
}

// read finds what a playlist reaches from and to: segment numbers, or the MPD's time of publication, which onair makes
// of its newest segment. What is neither is null.
function read(text) {
    if (text.startsWith('#EXTM3U')) {
        const first = /^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text);
        const count = text.split('\n#EXTINF:').length - 1;
        const from = first && count ? Number(first[1]) : -1;
        return from < 0 ? null : {first: from, last: from + count - 1, gap: endsInGap(text)};
    }
    const mpd = /<MPD\s[^>]*\bpublishTime="([^"]+)"/.exec(text);
    const published = mpd ? Date.parse(mpd[1]) : NaN;
    return text.trimEnd().endsWith('</MPD>') && published ? {first: 0, last: published, gap: false} : null;
}

// endsInGap looks at the tags of the newest segment.
function endsInGap(text) {
    const lines = text.trimEnd().split('\n');
    for (let i = lines.length - 2; i >= 0 && lines[i].startsWith('#'); i--) {
        if (lines[i] === '#EXT-X-GAP') {
            return true;
        }
    }
    return false;
}

// kept are those of an origin's headers that belong to the playlist.
function kept(headers) {
    const out = {};
    for (let name in headers) {
        const lower = name.toLowerCase();
        if (lower.startsWith('x-onair-')) {
            out[name] = headers[name];
        } else if (names[lower]) {
            out[names[lower]] = headers[name];
        }
    }
    return out;
}

const names = {
    'content-type': 'Content-Type', 'cache-control': 'Cache-Control', 'etag': 'ETag', 'last-modified': 'Last-Modified',
};

function serve(r, got, last) {
    if (last && got.list.first < last.first) {
        cut(got, last.first);
    }
    const news = !last || got.list.last > last.last;
    if (news || got.origin !== last.origin || got.list.first > last.first) {
        remember(r, {
            origin: got.origin, first: got.list.first, last: got.list.last, changed: news ? Date.now() : last.changed,
            head: got.head, body: got.body,
        });
    }
    answer(r, got.origin, got.head, got.body);
}

function hold(r, last) {
    last.head['Cache-Control'] = 'public, max-age=1';
    r.headersOut['Age'] = String(Math.floor((Date.now() - last.changed) / 1000));
    answer(r, last.origin + ', held', last.head, last.body);
}

function answer(r, origin, head, body) {
    for (let name in head) {
        r.headersOut[name] = head[name];
    }
    r.headersOut['X-Edge-Origin'] = origin;
    r.return(200, body);
}

function refuse(r, status) {
    r.headersOut['Cache-Control'] = 'public, max-age=1';
    r.headersOut['X-Edge-Origin'] = 'none';
    if (status === 404 || status === 403) {
        return r.return(status, 'no origin has this playlist\n');
    }
    r.headersOut['Retry-After'] = '1';
    r.return(503, 'no origin has a playlist that is fresh\n');
}

// cut takes the segments before a number out of a playlist: the window of an origin that was away for a while begins
// later than that of the other, and EXT-X-MEDIA-SEQUENCE must not go back. What holds for the segments behind stays.
function cut(got, first) {
    const before = first - got.list.first;
    const kept = [];
    let map = '', key = '', gone = 0, breaks = 0;
    got.body.split('\n').forEach((line) => {
        if (gone === before || headTag.test(line)) {
            kept.push(line);
        } else if (line.startsWith('#EXT-X-MAP:')) {
            map = line;
        } else if (line.startsWith('#EXT-X-KEY:')) {
            key = line;
        } else if (line === '#EXT-X-DISCONTINUITY') {
            breaks++;
        } else if (line !== '' && !line.startsWith('#') && ++gone === before) {
            kept.push.apply(kept, [map, key].filter((l) => l !== ''));
        }
    });
    got.body = kept.join('\n')
        .replace(/^(#EXT-X-MEDIA-SEQUENCE:).*$/m, (_, tag) => tag + first)
        .replace(/^(#EXT-X-DISCONTINUITY-SEQUENCE:)(\d+)/m, (_, tag, n) => tag + (Number(n) + breaks));
    got.list.first = first;
    if (got.head.ETag) {
        got.head.ETag = got.head.ETag.replace(/"$/, '-from-' + first + '"');
    }
}

const headTag = new RegExp('^#(EXTM3U|EXT-X-(VERSION|INDEPENDENT-SEGMENTS|TARGETDURATION|MEDIA-SEQUENCE|' +
    'DISCONTINUITY-SEQUENCE|SERVER-CONTROL|START|PLAYLIST-TYPE|DEFINE))\\b');

const file = (r) => settings.lists + '/' + r.uri.replace(/\//g, '~');

// recall reads what was served last; null: nothing, or too long ago to hold anybody to it.
function recall(r) {
    try {
        const last = JSON.parse(fs.readFileSync(file(r), 'utf8'));
        return Date.now() - last.changed <= forgetAfter ? last : null;
    } catch (e) {
        return null;
    }
}

// remember is whole or not at all: other workers read it meanwhile.
function remember(r, served) {
    const own = file(r) + '.' + r.variables.pid;
    try {
        fs.writeFileSync(own, JSON.stringify(served));
        fs.renameSync(own, file(r));
    } catch (e) {
        r.error('what was served last cannot be kept: ' + e.message); // better served than refused
    }
}

// refusal is why a request is not answered; empty if it is.
function refusal(r) {
    if (settings.keys.length === 0 || r.uri === '/edge-health') {
        return '';
    }
    const path = /^\/t\/([^\/]*)\/([^\/]+)\//.exec(r.uri);
    if (path) {
        return judge(path[1], path[2]);
    }
    const token = r.args.token || r.variables.cookie_onair_token || '';
    return judge(String(token), r.uri.split('/')[1]);
}

// judge checks a token, <expiry>-<hex>, where hex is the HMAC-SHA256 of "<expiry>/<channel>" under one of the keys.
function judge(token, channel) {
    const parts = /^(\d{1,12})-([0-9a-f]{64})$/.exec(token);
    const text = (parts ? parts[1] : '0') + '/' + channel;
    let good = false;
    settings.keys.forEach((key) => {
        const sum = crypto.createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex');
        good = same(sum, parts ? parts[2] : '') || good;
    });
    if (!good) {
        return 'the token is missing or wrong\n';
    }
    return Number(parts[1]) * 1000 < Date.now() ? 'the token has expired\n' : '';
}

// same compares in a time that does not depend on where the difference is.
function same(a, b) {
    let differs = a.length ^ b.length;
    for (let i = 0; i < a.length; i++) {
        differs |= a.charCodeAt(i) ^ b.charCodeAt(i);
    }
    return differs === 0;
}

// cookie hands a token that came in the query of a playlist on to what the playlist lists: relative addresses do not
// inherit a query.
function cookie(r) {
    const token = String(r.args.token || '');
    const channel = r.uri.split('/')[1];
    if (settings.keys.length === 0 || !/\.(m3u8|mpd)$/.test(r.uri) || judge(token, channel) !== '') {
        return '';
    }
    const left = Number(token.split('-')[0]) - Math.floor(Date.now() / 1000);
    const site = r.variables.https ? 'Secure; SameSite=None' : 'SameSite=Lax';
    return 'onair_token=' + token + '; Path=/' + channel + '/; Max-Age=' + left + '; HttpOnly; ' + site;
}

// age is how long ago an origin made what is answered (RFC 9111, 4.2.3).
function age(r) {
    const made = Date.parse(r.variables.upstream_http_date);
    if (isNaN(made)) {
        return '';
    }
    return String(Math.max(0, Math.floor((Date.now() - made) / 1000)) + (Number(r.variables.upstream_http_age) || 0));
}

export default {age, cookie, media, playlist, refusal};
