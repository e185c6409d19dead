// Collects the licences of all third-party code in the packaged application, and refuses those that forbid shipping it.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

/** Licences (SPDX) under which a package may be shipped inside an application with another licence. */
const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

/** These stay packages in the application; notices beside the texts cover their native libraries. */
const unbundled = ['node_modules/onnxruntime-common', 'node_modules/onnxruntime-node'];

/** Texts missing in their packages, under resources/licences. */
const textsKeptHere = {
  'onnxruntime-common': ['onnxruntime/LICENSE.txt'],
  'onnxruntime-node': ['onnxruntime/LICENSE.txt', 'onnxruntime/ThirdPartyNotices.txt'],
  '@bufbuild/protobuf': ['Apache-2.0.txt'],
  'gearhash-jit': ['MIT-gearhash-jit.txt'],
};

const read = (...parts) => readFileSync(path.join(root, ...parts), 'utf8');

/**
 * Whether an SPDX expression (names, AND, OR, which binds less tightly, and parentheses around the whole) allows
 * shipping a package: all licences of one alternative are allowed. Nested parentheses count as not allowed.
 */
export const allowsShipping = (expression) =>
  typeof expression === 'string' &&
  expression
    .replace(/^\(([^()]*)\)$/, '$1')
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((name) => allowed.has(name)));

/** Fails unless the licence of a package allows shipping it. */
const checkExpression = (name, expression) => {
  if (typeof expression !== 'string') throw new Error(`${name} names no licence in its package.json.`);
  if (!allowsShipping(expression))
    throw new Error(`${name} is under ${expression}, which the list of .ci/licences.mjs does not allow.`);
};

const scriptsIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();

/** The distinct comments with a copyright at the start of a package's scripts. */
const noticesIn = (folder) => {
  const heads = scriptsIn(folder).map(
    (file) => /^(?:\s*\/\/.*\n)+|^\s*\/\*[^]*?\*\//.exec(readFileSync(file, 'utf8'))?.[0],
  );
  return [...new Set(heads.filter((head) => head?.includes('Copyright')).map((head) => head.trim()))];
};

const textsOf = (folder, name) => {
  const files = readdirSync(path.join(root, folder)).filter((file) => /^(?:licen[cs]e|notice|copying)\b/i.test(file));
  const kept = (textsKeptHere[name] ?? []).map((file) => ['resources', 'licences', file]);
  const texts = [...files.map((file) => read(folder, file)), ...kept.map((parts) => read(...parts))];
  if (texts.length === 0)
    throw new Error(`${name} has no licence text: add it under resources/licences, and to .ci/licences.mjs.`);
  return files.length > 0 ? texts : [...noticesIn(path.join(root, folder)), ...texts];
};

const describe = (folder) => {
  const { name, version, license } = JSON.parse(read(folder, 'package.json'));
  checkExpression(name, license);
  return { name, version, licence: license, texts: textsOf(folder, name) };
};

/** Every package with code in the application, by name: {name, version, licence, texts}. Needs dist/. */
export const collectLicences = () => {
  const bundled = ['shell', 'renderer'].flatMap((part) => JSON.parse(read('dist', `${part}.packages.json`)));
  const packages = [...new Set([...bundled, ...unbundled])].map(describe);
  return packages.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
};

/** Writes the texts to one file, which the application contains beside Electron's own. */
export const writeLicences = (packages, file) => {
  const heading = ({ name, version, licence }) =>
    `${'='.repeat(100)}\n${name} ${version} (${licence})\n${'='.repeat(100)}`;
  const introduction = [
    'Uncurl Workbench contains code of the packages below, each under its own licence. Electron, Chromium ' +
      'and what they',
    'contain: LICENSE or LICENSE.electron.txt, and LICENSES.chromium.html, in the folder of the program. Data of the',
    'bundled tasks and models: resources/licences/THIRD-PARTY-DATA.md.',
  ].join('\n');
  const parts = packages.map((entry) => `${heading(entry)}\n\n${entry.texts.map((text) => text.trim()).join('\n\n')}`);
  writeFileSync(file, `${[introduction, ...parts].join('\n\n')}\n`);
};

/** Electron's own licence files that are missing in the folder of a packaged application. */
export const missingElectronLicences = (folder) =>
  [['LICENSE', 'LICENSE.electron.txt'], ['LICENSES.chromium.html']]
    .filter((names) => !names.some((name) => existsSync(path.join(folder, name))))
    .map(([name]) => name);
