// Fails when the bundle outgrows its budget: what the first paint loads, and all of it, compressed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const FIRST_PAINT = 250 * KIB;
const ALL = 900 * KIB;
const dist = new URL('../dist/', import.meta.url).pathname;

const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));

// The entry, what it imports statically, and their styles: all the browser needs before it can paint.
const first = new Set(['index.html']);
const visit = (key) => {
  const chunk = manifest[key];
  if (first.has(chunk.file)) return;
  for (const file of [chunk.file, ...(chunk.css ?? [])]) first.add(file);
  for (const next of chunk.imports ?? []) visit(next);
};
for (const key of Object.keys(manifest)) if (manifest[key].isEntry) visit(key);

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(html|js|css|svg)$/.test(entry.name))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dist.length));
const sum = (list) => list.reduce((total, file) => total + size(file), 0);

let failed = false;
for (const [what, bytes, limit] of [
  ['first paint', sum([...first]), FIRST_PAINT],
  ['everything', sum(files), ALL],
]) {
  const line = `ui: ${what} ${(bytes / KIB).toFixed(1)} KiB gzip of ${limit / KIB}`;
  failed ||= bytes > limit;
  process.stdout.write(`${line}${bytes > limit ? ': TOO LARGE' : ''}\n`);
}
process.exit(failed ? 1 : 0);
