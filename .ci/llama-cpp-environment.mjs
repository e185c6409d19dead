// The llama.cpp with which the interop tests load exports: packages in a separate folder, installed on first use.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { say } from './setup.mjs';

/** Prebuilt for this platform in the registry's own package: nothing is compiled or fetched from elsewhere. */
const packages = {
  'node-llama-cpp': '3.21.1',
  '@node-llama-cpp/linux-x64': '3.21.1',
  '@huggingface/gguf': '0.3.2',
};

/** Its folder, kept between runs. UNCURL_LLAMA_CPP names another one, which may already contain the packages. */
const folder = path.resolve(process.env.UNCURL_LLAMA_CPP ?? path.join(tmpdir(), 'uncurl-llama-cpp'));
const manifest = path.join(folder, 'package.json');

const isInstalled = (name) => {
  const file = path.join(folder, 'node_modules', name, 'package.json');
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === packages[name];
};

/** Environment that names the folder, or why there is none; tests that need it report this and do not run. */
export const findLlamaCpp = () => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      UNCURL_LLAMA_CPP_ABSENT: `llama.cpp is fetched for linux-x64 only, not for ${process.platform}-${process.arch}`,
    };
  if (!Object.keys(packages).every(isInstalled)) {
    say(`Installing node-llama-cpp into ${folder}: once.`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(manifest, `${JSON.stringify({ private: true, dependencies: packages }, null, 2)}\n`);
    const options = ['install', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--no-package-lock'];
    const { status } = spawnSync('npm', options, { cwd: folder, stdio: ['ignore', 2, 2] });
    if (status !== 0 || !Object.keys(packages).every(isInstalled))
      return { UNCURL_LLAMA_CPP_ABSENT: `npm could not install node-llama-cpp into ${folder}; its message is above` };
  }
  return { UNCURL_LLAMA_CPP: folder };
};
