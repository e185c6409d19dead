'use strict';
// Replaces the engine's program (and the device probe's) if the Electron of the tests is older than the shipped one:
// engine code is written for Node 24, and Electron 25 has Node 18. It runs in the utilityProcess that the shell starts,
// starts the real program in the packaged Node, and forwards every message. To the shell and the page it looks like a
// utilityProcess, with its ports, exit code and error output.
const { fork } = require('node:child_process');
const path = require('node:path');

// In a packaged application this file is in the archive, which only Electron can read; the other files are beside it.
const folder = __dirname.replace(/\.asar(?=[\\/])/, '.asar.unpacked');
const program = path.join(folder, path.basename(__filename).replace(/\.cjs$/, '.engine.cjs'));
const child = fork(program, process.argv.slice(2), {
  execPath: path.join(folder, '..', 'node'),
  execArgv: ['--require', path.join(folder, '..', 'parent-port.cjs')],
  // Structured clones, as between a page and a utilityProcess.
  serialization: 'advanced',
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});

const ports = new Map();
let nextPort = 0;

const carry = (port) => {
  const id = nextPort++;
  ports.set(id, port);
  port.on('message', ({ data }) => child.send({ port: id, data }));
  port.on('close', () => {
    ports.delete(id);
    if (child.connected) child.send({ port: id, closed: true });
  });
  return id;
};

process.parentPort.on('message', (event) => child.send({ data: event.data, ports: event.ports.map(carry) }));
child.on('message', ({ port, data, started, closed }) => {
  if (port === undefined) return process.parentPort.postMessage(data);
  const end = ports.get(port);
  if (started) return end?.start();
  if (closed) return end?.close();
  return end?.postMessage(data);
});
child.on('error', (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal !== null) process.kill(process.pid, signal);
  else process.exit(code);
});
