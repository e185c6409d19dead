// Summary at the end of npm run package and npm run make: the application's parts and their licences.
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { missingElectronLicences } from './licences.mjs';
import { fail, root } from './setup.mjs';

const print = (line) => process.stdout.write(`${line}\n`);

export const reportLicences = (packages) => {
  const names = Map.groupBy(packages, ({ licence }) => licence);
  print('\nLicences of third-party code (texts: resources/third-party-licences.txt in the application):');
  for (const [licence, entries] of [...names].sort(([, one], [, other]) => other.length - one.length)) {
    print(`  ${licence}: ${entries.map(({ name, version }) => `${name} ${version}`).join(', ')}`);
  }
  print('  Electron and Chromium: LICENSE and LICENSES.chromium.html beside the program');
};

/** Size in bytes of a file, or of all files under a folder. */
const bytesOf = (file) => {
  const state = lstatSync(file);
  if (!state.isDirectory()) return state.size;
  return readdirSync(file).reduce((sum, name) => sum + bytesOf(path.join(file, name)), 0);
};

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The parts of an application for Linux or Windows, each counted once. */
const partsOf = (application) => {
  const resources = path.join(application, 'resources');
  const unpacked = path.join(resources, 'app.asar.unpacked');
  const sizeOf = (...parts) => (existsSync(path.join(...parts)) ? bytesOf(path.join(...parts)) : 0);
  const whole = bytesOf(application);
  const carried = bytesOf(resources);
  const native = sizeOf(unpacked, 'node_modules', 'onnxruntime-node');
  const data = sizeOf(resources, 'resources');
  const node = sizeOf(unpacked, 'node');
  return {
    Electron: whole - carried,
    onnxruntime: native,
    'bundled models and tasks': data,
    'the workbench itself, and licences': carried - native - data - node,
    'Node for the engine (in a trial only)': node,
    together: whole,
  };
};

const newerThan = (folder, startedMs) =>
  existsSync(folder)
    ? readdirSync(folder)
        .map((name) => path.join(folder, name))
        .filter((file) => lstatSync(file).mtimeMs >= startedMs)
    : [];

/** Reports the sizes of applications made since then; fails if Electron's licences are missing in one. */
export const reportSizes = (startedMs) => {
  for (const out of [path.join(root, 'out'), path.join(root, 'out', 'trial')]) {
    for (const application of newerThan(out, startedMs).filter((folder) =>
      existsSync(path.join(folder, 'resources')),
    )) {
      print(`\nSizes of ${path.relative(root, application)}:`);
      for (const [name, bytes] of Object.entries(partsOf(application))) {
        if (bytes > 0) print(`  ${name}: ${megabytes(bytes)}`);
      }
      const missing = missingElectronLicences(application);
      if (missing.length > 0) fail(`The application lacks Electron's ${missing.join(' and ')}.`);
    }
    for (const installer of newerThan(path.join(out, 'make', 'installers'), startedMs)) {
      print(`${path.relative(root, installer)}: ${megabytes(bytesOf(installer))}`);
    }
  }
};
