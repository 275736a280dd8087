// Which origin is passed over because it gives slowly. nginx bounds the time between two pieces of an answer, not the
// whole of it: how long fills of segments took is kept here, for all workers, in a folder that has a file for each
// origin that was slow (a, b), for each fill under way (a-17-3: connection and request) and for each try (try-a-...).
import fs from 'fs';
import settings from 'settings.js';

const share = settings.segment / 2;    // what takes longer is slow: players fetch more than one in a segment's time
const first = 2.5 * settings.segment;  // so long is an origin passed over before it is tried again,
const longest = 15 * settings.segment; // twice that if it is still slow, and so on, up to this
const left = Math.max(60e3, longest);  // files of fills that are older were left by a worker that was killed

const other = (origin) => origin === 'a' ? 'b' : 'a';
const file = (name) => settings.slow + '/' + name;
const running = (r, origin) => origin + '-' + r.variables.connection + '-' + r.variables.connection_requests;
const final = (list) => String(list || '').split(/, | : /).pop(); // of a value for each origin that was asked

// better is whom to ask: the usual one, unless it is passed over and the other is not, or is slow, but less so.
function better(usual) {
    const names = list();
    const one = judged(usual, names), two = judged(other(usual), names);
    return one.slow && (!two.slow || two.rate > 1.2 * one.rate) ? other(usual) : usual;
}

// judged is what is known of an origin. A fill that takes too long already counts before it has ended.
function judged(origin, names) {
    const mark = names.includes(origin) ? read(origin) : null; // to fail to read costs more than all else here
    return mark ? {slow: true, rate: mark.rate} : {slow: late(origin, names), rate: 0};
}

const late = (origin, names) => names.some((name) => name.startsWith(origin + '-') && age(name) > share);

// due is an origin that has been passed over for long enough, or nobody.
function due() {
    const names = list();
    return ['a', 'b'].find((origin) => names.includes(origin) && isDue(read(origin)) && !late(origin, names));
}

// isDue: a time that is too far away is that of a clock that went back since.
function isDue(mark) {
    const more = mark ? mark.until - Date.now() : 0;
    return mark !== null && (more <= 0 || more > longest);
}

// claim is for one alone of all who would try an origin: it is passed over anew before it is tried. What the others get
// is empty.
function claim(origin) {
    const mark = read(origin);
    if (!isDue(mark)) {
        return '';
    }
    const name = 'try-' + origin + '-' + mark.until;
    try {
        fs.writeFileSync(file(name), '', {flag: 'wx'});
    } catch (e) {
        return '';
    }
    mark.until = Date.now() + mark.penalty;
    return write(origin, mark) ? name : '';
}

// begin notes that a fill is under way, and what was claimed for it. Not a refill: many come at once for one answer.
function begin(r, origin, claimed) {
    if (!claimed && !r.variables.first_fill) {
        return;
    }
    try {
        fs.writeFileSync(file(running(r, origin)), claimed);
    } catch (e) {
        r.error('a fill cannot be noted: ' + e.message);
    }
}

// end is for the log of fills: it judges one that has ended, and names the origin that was slow. Who answered is told
// by the address, since the first origin may have failed, or be given up; its time is its own.
function end(r) {
    const asked = r.uri.charAt('/_media_'.length);
    const v = r.variables;
    const name = running(r, asked), tried = list().includes(name) && finish(name);
    const from = final(v.upstream_addr), by = whose(from), answered = by !== '' && final(v.upstream_status) === '200';
    const took = 1000 * parseFloat(final(v.upstream_response_time)), bytes = Number(final(v.upstream_bytes_received));
    const slow = answered && took > share;
    if (tried) {
        const known = from !== '' && !/^40[34]/.test(v.upstream_status); // neither an answer kept nor a segment to come
        tryEnded(r, asked, known && answered && by === asked ? took : known ? Infinity : NaN, bytes);
    }
    if (slow && !(tried && by === asked)) {
        passOver(r, by, took, bytes, from);
    }
    return slow ? by : '';
}

// passOver begins the time of an origin that was slow, or begins it anew.
function passOver(r, origin, took, bytes, from) {
    const mark = read(origin);
    const penalty = mark ? mark.penalty : first;
    const rate = Math.round(1000 * bytes / took);
    if (write(origin, {until: Date.now() + penalty, penalty: penalty, rate: rate, bytes: bytes}) && !mark) {
        r.error('origin ' + origin + ', ' + from + ', is passed over: ' + bytes + ' bytes at ' + rate + ' a second');
    }
}

// tryEnded doubles the time of an origin that is still slow, or failed (Infinity), and takes one back that is quick. It
// must have shown that it could give in time what it was slow with: a piece much smaller than that proves as little as
// none does (NaN), and the next fill is a try.
function tryEnded(r, origin, took, bytes) {
    const mark = read(origin);
    if (!mark) {
        return;
    }
    if (isNaN(took) || took <= share && 2 * bytes < mark.bytes) {
        mark.until = Date.now();
    } else if (took * Math.max(1, mark.bytes / bytes) <= share) {
        remove(origin);
        return r.error('origin ' + origin + ' is taken back: ' + bytes + ' bytes in ' + took.toFixed() + ' ms');
    } else {
        mark.penalty = Math.min(2 * mark.penalty, longest);
        mark.until = Date.now() + mark.penalty;
        if (took < Infinity) {
            mark.rate = Math.round(1000 * bytes / took);
            mark.bytes = bytes;
        }
    }
    write(origin, mark);
}

// whose address it is; nobody's if both could have it, or neither.
function whose(address) {
    const of = ['a', 'b'].filter((origin) => settings.origins[origin].includes(address));
    return of.length === 1 ? of[0] : '';
}

// finish removes the note of a fill, and what was claimed for it; true if something was.
function finish(name) {
    try {
        const claimed = fs.readFileSync(file(name), 'utf8');
        [name, claimed].filter((n) => n !== '').forEach(remove);
        return claimed !== '';
    } catch (e) {
        return false;
    }
}

// list names the files, and removes those that nobody will.
function list() {
    try {
        return fs.readdirSync(settings.slow).filter((name) => name.length === 1 || age(name) <= left || remove(name));
    } catch (e) {
        return [];
    }
}

function age(name) {
    try {
        return Date.now() - fs.statSync(file(name)).mtimeMs;
    } catch (e) {
        return 0; // it has just ended
    }
}

function remove(name) {
    try {
        fs.unlinkSync(file(name));
    } catch (e) {
        return false; // another worker was first
    }
    return false;
}

function read(origin) {
    try {
        return JSON.parse(fs.readFileSync(file(origin), 'utf8'));
    } catch (e) {
        return null;
    }
}

// write is whole or not at all, as what was served last is.
function write(origin, mark) {
    try {
        fs.writeFileSync(file('new-' + origin + '-' + process.pid), JSON.stringify(mark));
        fs.renameSync(file('new-' + origin + '-' + process.pid), file(origin));
        return true;
    } catch (e) {
        return false;
    }
}

export default {begin, better, claim, due, end};
