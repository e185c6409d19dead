// npm run onnx-messages: generates main/graph/onnx-messages.ts from resources/onnx.proto. npm fetches the compiler and
// its plugin (about 125 MB) for this run only: the result is committed, so neither an install nor a test needs them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureInstalled, fail, nodeBinary, nodeEnvironment, root, runToEnd, say } from './setup.mjs';

const COMPILER = '@bufbuild/buf@1.75.0';

/** The plugin must match the library that its output calls: one version for both. */
const library = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).devDependencies['@bufbuild/protobuf'];
const target = 'main/graph/onnx-messages.ts';

/** Without the comments that repeat the declaration below them, and the empty lines between members. */
const withoutComments = (text) =>
  text.replaceAll(/^ *\/\*\*\n(?: *\*(?!\/).*\n)* *\*\/\n/gm, '').replaceAll(/(?<=[;,])\n\n(?= )/g, '\n');

ensureInstalled();
const node = nodeBinary();
const work = mkdtempSync(path.join(tmpdir(), 'uncurl-onnx-'));
try {
  const template = {
    version: 'v2',
    plugins: [{ local: 'protoc-gen-es', out: work, opt: ['target=ts', 'import_extension=js', 'erasable_syntax=true'] }],
  };
  const status = runToEnd(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    [
      ...['exec', '--yes', `--package=${COMPILER}`, `--package=@bufbuild/protoc-gen-es@${library}`, '--'],
      ...['buf', 'generate', 'resources', '--template', JSON.stringify(template)],
    ],
    { env: nodeEnvironment(node), shell: process.platform === 'win32' },
  );
  if (status !== 0) fail(`${target} is unchanged: the message of buf is above.`);
  writeFileSync(path.join(root, target), withoutComments(readFileSync(path.join(work, 'onnx_pb.ts'), 'utf8')));
  const prettier = path.join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  if (
    runToEnd(node, [prettier, '--write', '--log-level', 'warn', '--ignore-path', '.gitignore', target], {
      cwd: root,
    }) !== 0
  )
    fail(`${target} was written, but Prettier could not format it.`);
  say(`${target} was generated from resources/onnx.proto.`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
