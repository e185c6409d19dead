// npm start: opens the workbench in a window if there are a display and Electron, else in a browser, with the reason.
//   npm start -- --browser         serves to a browser at once
//   UNCURL_ELECTRON=PATH           an Electron binary to use instead of the package's own
// Other arguments are passed to the program that is started.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensureBuilt } from './build.mjs';
import { downloadedElectron, electronPackage } from './electron-binary.mjs';
import { becomeChild, ensureInstalled, nodeBinary, nodeEnvironment, nodeOptions, root, say } from './setup.mjs';

const downloadLimitMs = 180_000;
const retryAfterMs = 24 * 60 * 60 * 1000;
/** An Electron that cannot run at all (a library or its sandbox is missing) ends before this. */
const endedAtOnceMs = 5_000;

const failureNote = path.join(root, 'node_modules', '.electron-download-failed');

/** Lets the electron package download its binary: {binary}, or {reason} why there is none. */
const downloadElectron = () => {
  const byHand = `"node ${path.join('node_modules', 'electron', 'install.js')}" tries again at once`;
  if (existsSync(failureNote) && Date.now() - statSync(failureNote).mtimeMs < retryAfterMs) {
    return { reason: `Electron could not be downloaded a short while ago (${byHand})` };
  }
  say(`Downloading Electron (about 120 MB, once; at most ${downloadLimitMs / 60_000} minutes).`);
  const node = nodeBinary();
  const download = spawnSync(node, [path.join(electronPackage, 'install.js')], {
    cwd: root,
    env: nodeEnvironment(node),
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: downloadLimitMs,
  });
  const binary = download.status === 0 ? downloadedElectron() : null;
  if (binary) {
    rmSync(failureNote, { force: true });
    return { binary };
  }
  const detail =
    /^.*Error: .*$/m
      .exec(download.stderr ?? '')?.[0]
      .trim()
      .slice(0, 200) ?? 'it took too long';
  writeFileSync(failureNote, `${detail}\n`);
  return { reason: `Electron could not be downloaded: ${detail} (${byHand})` };
};

/** How the workbench can be shown here: {binary} of Electron, or {reason} why there is no window. */
const chooseElectron = (wantsBrowser) => {
  if (wantsBrowser) return { reason: 'as requested (--browser)' };
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    return { reason: 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)' };
  }
  const given = process.env.UNCURL_ELECTRON;
  if (given) return existsSync(given) ? { binary: given } : { reason: `UNCURL_ELECTRON names no file: ${given}` };
  if (process.platform === 'linux' && process.getuid() === 0) {
    return { reason: "you are root, and Chromium's sandbox does not run as root" };
  }
  const binary = downloadedElectron();
  return binary ? { binary } : downloadElectron();
};

const serve = (reason, passedOn) => {
  say(`Serving the workbench to a browser instead of a window: ${reason}.`);
  becomeChild(
    nodeBinary(),
    [...nodeOptions, path.join(root, 'main', 'cli', 'uncurl.ts'), 'serve', '--open', ...passedOn],
    { cwd: root },
  );
};

const openWindow = (binary, passedOn) => {
  const environment = { ...process.env };
  delete environment.ELECTRON_RUN_AS_NODE;
  becomeChild(binary, [root, ...passedOn], { cwd: root, env: environment }, ({ status, error, elapsedMs }) => {
    if (status === 0 || status === 130 || elapsedMs > endedAtOnceMs) return undefined;
    say(
      `Electron (${binary}) ended at once${error ? `: ${error.message}` : '; its output is above'}. ` +
        'A system library or its sandbox may be missing. "npm start -- --browser" serves the same workbench.',
    );
    return status ?? 1;
  });
};

const passedOn = process.argv.slice(2).filter((argument) => argument !== '--browser');
ensureInstalled();
ensureBuilt();
const { binary, reason } = chooseElectron(passedOn.length !== process.argv.length - 2);
if (binary) openWindow(binary, passedOn);
else serve(reason, passedOn);
