// What the API tells of a channel. docs/openapi.yaml says what each field means.

export interface Status {
  channel: string;
  state: string; // waiting, on_air, slate, gap, failed
  since: string;
  now: string;
  version: string;
  stale: string;
  grid: Grid | null;
  active_input: string;
  choice: string;
  lock: string;
  run_restarts: number;
  runs_started: number;
  segments_total: number;
  reloads: Record<string, number>; // of the file: ok, refused
  switches: Record<string, number>;
  slate_seconds: number;
  encoder: Encoder;
  inputs: Input[];
  runs: Run[];
  renditions: Rendition[];
  stores: Store[];
  twin: Twin | null;
  webhook: Webhook | null;
  events: Event[];
}

export interface Grid {
  frame_rate: string;
  segment_frames: number;
  segment_seconds: number;
  gop_frames: number;
  audio_rate: number;
  audio_frame: number;
}

export interface Input {
  name: string;
  state: string; // waiting, receiving, silent, failed
  error: string;
  active: boolean;
  fault: string; // what the choice holds against it: loss, errors, black, freeze, silence; empty: nothing
  on_air_in_seconds: number | null; // it is to be taken then if all stays as it is
  program: Program | null;
  video: Picture | null;
  bitrate: number;
  ts: TS;
  lost: number;
  unmerged: boolean;
  generation: number;
  generations: number;
  lock: string; // none, locked, unlocked
  clock_offset_ms: number;
  last_packet_ms: number;
  timecode: { label: string; age_ms: number; rules: boolean; offset_ms: number | null } | null; // null: none, or not asked for
  spool: { seconds: number; bytes: number };
  tr101290: Check[];
  errors_last_second: number;
  content: Content | null; // null: not watched, or nothing is known
  monitor_restarts: number;
  legs: Leg[];
}

export interface Check {
  check: string; // 1.4
  name: string; // Continuity_count_error
  priority: number;
  errors: number;
  last: string;
}

export interface Content {
  picture: boolean; // it is being looked at
  sound: boolean;
  black_seconds: number; // 0: it is not
  freeze_seconds: number;
  silence_seconds: number;
  loudness_lufs: number | null;
  av_offset_ms: number | null; // sound arrives so much later than its picture
}

export interface Program {
  number: number;
  pmt_pid: number;
  pcr_pid: number;
  streams: { pid: number; kind: string; codec: string; language: string }[];
}

export interface Picture {
  codec: string;
  width: number;
  height: number;
  rate: string;
  interlaced: boolean;
}

export interface TS {
  packets: number;
  null: number;
  continuity: number;
  transport: number;
  crc: number;
  scrambled: number;
  sync_losses: number;
  junk_bytes: number;
  pes_without_pts: number;
}

export interface Leg {
  url: string;
  state: string; // listening, connected, receiving, silent, failed
  error: string;
  peer: string;
  packets: number;
  bytes: number;
  bitrate: number;
  lost: number;
  recovered: number;
  late: number;
  duplicates: number;
  reordered: number;
  wrong_type: number;
  rejected: number;
  rejections: Record<string, number>; // by cause
  foreign: number;
  fec_packets: number;
  fec_recovered: number;
  fec_unrecoverable: number;
  fec_columns: number; // 0: not known, or no FEC
  fec_rows: number;
  path_difference_ms: number;
  srt: { rtt_ms: number; loss: number; drop: number; retrans: number; undecrypt: number } | null;
}

export interface Run {
  id: number;
  pid: number;
  input: string;
  state: string; // starting, active, ending, ended
  from: string;
  speed: number;
  fps: number;
  frames: number;
  dup: number;
  drop: number;
  behind_seconds: number;
  reason: string;
  command: string[];
  memory_bytes: number;
  processors: number;
}

export interface Encoder {
  step: number; // 0: all that is configured is encoded
  steps: number;
  presets: string[];
  reason: string;
  left_out: { rendition: string; reason: string; again: string }[];
  memory_limit_bytes: number;
  cpu_limit: number;
  enforced: string[];
}

export interface Rendition {
  name: string;
  kind: string; // video, audio
  codecs: string;
  width: number;
  height: number;
  frame_rate: string;
  language: string;
  channels: number;
  target_bitrate: number;
  bitrate: number;
  last_k: number;
  bytes: number;
  segments: number;
  gaps: number;
  frames: number;
  holes: number;
  segment_seconds: number;
  disabled: boolean;
  publish_latency_ms: number;
}

export interface Store {
  name: string;
  last_k: number;
  listed_at: string;
  writes: number;
  errors: number;
  gaps: number;
  queue: number;
  late: number;
  latency_ms: number;
  last_error: string;
  shared: boolean;
  twin_segments: number;
  twin_listed: number;
}

/** What came of comparing with the channel's other pipeline. */
export interface Twin {
  store: string;
  match_ratio: number | null; // of the newest segments
  segments: number; // how many these are
  compared: number;
  mismatched: number;
  mismatches: Record<string, number>;
  missing: number;
  skipped: number;
  errors: number;
  last_k: number;
  last_error: string;
  last_finding: string;
}

export interface Webhook {
  target: string;
  delivered: number;
  dropped: number;
  queue: number;
  requests: number;
  failures: number;
  delivered_at: string;
  last_error: string;
}

export interface Event {
  seq: number;
  time: string;
  level: string; // info, warning, error
  stage: string;
  input: string;
  code: string;
  message: string;
}
