'use strict';
// Loaded before the engine's program, as the counterpart of engine-in-node.cjs: provides the `parentPort` and the ports
// that Electron would provide, based on the messages of the IPC channel.
const { EventEmitter } = require('node:events');

/** The engine's end of a page's port; messages wait in the real port until `start`. */
class CarriedPort extends EventEmitter {
  #id;
  constructor(id) {
    super();
    this.#id = id;
  }
  postMessage(data) {
    process.send({ port: this.#id, data });
  }
  start() {
    process.send({ port: this.#id, started: true });
  }
  close() {
    process.send({ port: this.#id, closed: true });
  }
}

class ParentPort extends EventEmitter {
  postMessage(data) {
    process.send({ data });
  }
}

const ports = new Map();
process.parentPort = new ParentPort();
process.on('message', ({ port, data, closed, ports: ids }) => {
  if (port === undefined) {
    const given = ids.map((id) => {
      const end = new CarriedPort(id);
      ports.set(id, end);
      return end;
    });
    process.parentPort.emit('message', { data, ports: given });
  } else if (closed) {
    ports.get(port)?.emit('close');
    ports.delete(port);
  } else {
    ports.get(port)?.emit('message', { data });
  }
});
// The shell's process has ended: a utilityProcess ends with it, whatever it is doing.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
