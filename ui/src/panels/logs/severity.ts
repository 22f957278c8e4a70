/** How bad a line of a log is, from the ways in which programs write it. */

export type Severity = 'error' | 'warning' | 'info' | 'debug' | 'none';

const NAMES: Record<string, Severity> = {
  fatal: 'error',
  panic: 'error',
  critical: 'error',
  crit: 'error',
  emerg: 'error',
  alert: 'error',
  error: 'error',
  err: 'error',
  severe: 'error',
  warn: 'warning',
  warning: 'warning',
  info: 'info',
  information: 'info',
  notice: 'info',
  debug: 'debug',
  trace: 'debug',
  verbose: 'debug',
};

const LEVELS = Object.keys(NAMES).join('|');
/** `level=error`, `[ERROR]`, `ERROR:`, ` WARN ` near the start; lower case only where punctuation says that it is a level. */
const PATTERNS = [
  new RegExp(`\\b(?:level|lvl|severity|loglevel)\\s*[=:]\\s*"?(${LEVELS})\\b`, 'i'),
  new RegExp(`^.{0,80}?[[(<|](${LEVELS})[\\])>|]`, 'i'),
  new RegExp(`^.{0,80}?\\b(${LEVELS.toUpperCase()})\\b`),
  new RegExp(`^(?:\\S+\\s+){0,2}?(${LEVELS}):`, 'i'),
];
/** klog: `E1126 21:53:00.123456 ...`. */
const KLOG = /^([IWEF])\d{4} \d{2}:\d{2}:\d{2}/;
const KLOG_LEVELS: Record<string, Severity> = { I: 'info', W: 'warning', E: 'error', F: 'error' };
const FIELDS = ['level', 'severity', 'lvl', 'log.level', 'loglevel', 'levelname'];

export function severityOf(text: string, fields: Record<string, string> | null): Severity {
  if (fields !== null) {
    const level = FIELDS.map((name) => fields[name]).find((value) => value !== undefined);
    return level === undefined ? 'none' : named(level);
  }
  const klog = KLOG.exec(text)?.[1];
  if (klog !== undefined) return KLOG_LEVELS[klog] ?? 'none';
  const plain = text.length > 400 ? text.slice(0, 400) : text;
  for (const pattern of PATTERNS) {
    const found = pattern.exec(plain)?.[1];
    if (found !== undefined) return named(found);
  }
  return /^(panic:|Traceback |Exception in thread|\s*Caused by:|thread '.*' panicked)/.test(plain) ? 'error' : 'none';
}

/** Names, and the numbers of bunyan and pino (10 trace to 60 fatal). */
function named(level: string): Severity {
  const number = Number(level);
  if (Number.isFinite(number) && level !== '')
    return number >= 50 ? 'error' : number >= 40 ? 'warning' : number >= 30 ? 'info' : 'debug';
  return NAMES[level.toLowerCase()] ?? 'none';
}
