// Measures the desktop app: from its start to a page with content, and the memory of its processes then. It runs in a
// screen that nobody sees: `npm run bench:desktop`. The first start finds no agent, as after a login; the others find one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { newUser } from '../e2e-desktop/user.mjs';

const APP = resolve(process.env.DEVCLUSTER_DESKTOP_BIN ?? '../target/release/devcluster-desktop');
const STARTS = 6;

const { env, remove } = newUser();
Object.assign(env, { DEVCLUSTER_LOG: 'devcluster_desktop=debug', NO_COLOR: '1' });

for (let start = 0; start < STARTS; start++) {
  const began = performance.now();
  const app = spawn(APP, [], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  app.stderr.setEncoding('utf8');
  await new Promise((shown) => {
    app.stderr.on('data', (text) => {
      // The page gives itself a title when it has something to show.
      if (/the page has a title.* · devcluster/.test(text)) shown();
    });
  });
  const took = performance.now() - began;
  // What was begun for the first picture is done by then.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const memory = family(app.pid).map(
    (pid) => `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} ${megabytes(pid, 'Rss')} (${megabytes(pid, 'Pss')})`,
  );
  process.stdout.write(`${start === 0 ? 'with' : 'without'} a new agent: content after ${Math.round(took)} ms\n`);
  process.stdout.write(`  RSS (share of it) in MB: ${memory.join(', ')}\n`);
  await once(spawn(APP, ['--quit'], { env, stdio: 'ignore' }), 'exit');
  if (app.exitCode === null) await once(app, 'exit');
}

await remove();

/** A process and all below it. */
function family(root) {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(pid), Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const all = [root];
  for (const pid of all) for (const [child, parent] of parents) if (parent === pid) all.push(child);
  return all;
}

function megabytes(pid, what) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Math.round(Number(new RegExp(`^${what}:\\s*(\\d+)`, 'm').exec(text)?.[1]) / 1024);
}
