// npm run package (the application's folder) and npm run make (installers), both under out/, for this platform.
//   UNCURL_ELECTRON_DIST=FOLDER   an unpacked Electron to package: nothing is downloaded. One of another version than
//                                 the release makes a trial under out/trial, for this machine, as tar.gz only
//   UNCURL_ELECTRON_ZIPS=FOLDER   a folder with the release's zip
//   UNCURL_INSTALLERS=tar.gz      only that installer (the others download tools of electron-builder)
import path from 'node:path';
import { ensureBuilt } from './build.mjs';
import { collectLicences, writeLicences } from './licences.mjs';
import { reportLicences, reportSizes } from './package-report.mjs';
import { ensureInstalled, nodeBinary, nodeEnvironment, nodeOptions, root, runToEnd, say } from './setup.mjs';

ensureInstalled();
ensureBuilt();
const licences = collectLicences();
writeLicences(licences, path.join(root, 'dist', 'third-party-licences.txt'));
const node = nodeBinary();
const forge = path.join(root, 'node_modules', '@electron-forge', 'cli', 'dist', 'electron-forge.js');
const startedMs = Date.now();
process.exitCode = runToEnd(node, [...nodeOptions, forge, ...process.argv.slice(2)], { env: nodeEnvironment(node) });
if (process.exitCode !== 0 && !process.env.UNCURL_ELECTRON_DIST && !process.env.UNCURL_ELECTRON_ZIPS)
  say(
    'Packaging downloads Electron. Without a network, UNCURL_ELECTRON_DIST names the folder of an unpacked Electron, ' +
      'and UNCURL_ELECTRON_ZIPS a folder with its zip.',
  );
if (process.exitCode === 0) {
  reportLicences(licences);
  reportSizes(startedMs);
}
