// npm run package (the application's folder) and npm run make (installers), both under out/, for this platform.
//   UNCURL_ELECTRON_DIST=FOLDER   an unpacked Electron to package: nothing is fetched. One of another version than the
//                                 one that ships makes a trial under out/trial, for this machine, as tar.gz alone
//   UNCURL_ELECTRON_ZIPS=FOLDER   a folder with the zip of the release that ships
//   UNCURL_INSTALLERS=tar.gz      that installer alone (the others fetch tools of electron-builder)
import path from 'node:path';
import { ensureBuilt } from './build.mjs';
import { collectLicences, writeLicences } from './licences.mjs';
import { reportLicences, reportSizes } from './package-report.mjs';
import { ensureInstalled, nodeBinary, nodeEnvironment, nodeOptions, root, runToEnd } from './setup.mjs';

ensureInstalled();
ensureBuilt();
const licences = collectLicences();
writeLicences(licences, path.join(root, 'dist', 'third-party-licences.txt'));
const node = nodeBinary();
const forge = path.join(root, 'node_modules', '@electron-forge', 'cli', 'dist', 'electron-forge.js');
const startedMs = Date.now();
process.exitCode = runToEnd(node, [...nodeOptions, forge, ...process.argv.slice(2)], { env: nodeEnvironment(node) });
if (process.exitCode === 0) {
  reportLicences(licences);
  reportSizes(startedMs);
}
