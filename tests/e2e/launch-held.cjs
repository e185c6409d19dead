'use strict';
// Entry point of the staged application under test: delays `ready` until the driver is attached, then runs the
// application's own entry point. Otherwise the first window can open while the driver attaches, and in about one of
// twenty starts on a busy machine both hang. Playwright calls `__playwright_run` when it is attached; its own loader
// does the same, but only if it may add arguments to Electron's command line.
const { app } = require('electron');

const electronReady = app.whenReady();
const emit = app.emit.bind(app);
let readyArguments = [];
let ready = false;
let release;
const released = new Promise((resolve) => {
  release = resolve;
});

app.emit = (event, ...details) => {
  if (event !== 'ready') return emit(event, ...details);
  readyArguments = details;
  return app.listenerCount('ready') > 0;
};
app.isReady = () => ready;
app.whenReady = () => released;
globalThis.__playwright_run = async () => {
  await electronReady;
  ready = true;
  release();
  emit('ready', ...readyArguments);
};

require('./dist/main.cjs');
