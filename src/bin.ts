#!/usr/bin/env node
// What an old Node must still be able to read: no syntax and no import that it lacks, before its version is known.

const NEEDED = [22, 18];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NEEDED[0]! || (major === NEEDED[0] && minor < NEEDED[1]!)) {
  process.stderr.write(
    `error: tailrace needs Node.js ${NEEDED.join('.')} or newer, this is ${process.versions.node}\n` +
      'fix: Install a newer Node.js from https://nodejs.org, or start tailrace with one that is there already.\n',
  );
  process.exitCode = 1;
} else {
  import('./main.ts').catch((error: unknown) => {
    process.stderr.write(`error: internal: ${String(error)}\n`);
    process.exitCode = 1;
  });
}
