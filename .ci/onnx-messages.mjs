// npm run onnx-messages: main/graph/onnx-messages.ts from resources/onnx.proto. The compiler and its plugin (about 125
// MB)
// are fetched by npm for this one run, since the outcome is committed: no install and no test needs them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureInstalled, fail, nodeBinary, nodeEnvironment, root, runToEnd, say } from './setup.mjs';

const COMPILER = '@bufbuild/buf@1.75.0';

/** The plugin goes with the library that its output calls: one version for both. */
const library = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).devDependencies['@bufbuild/protobuf'];
const target = 'main/graph/onnx-messages.ts';

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
  if (status !== 0) fail(`${target} is as it was: the message of buf is above.`);
  writeFileSync(path.join(root, target), readFileSync(path.join(work, 'onnx_pb.ts')));
  say(`${target} is made of resources/onnx.proto.`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
