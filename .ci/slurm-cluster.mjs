// The Slurm that tests/slurm submits to: one node, started for the tests and stopped after them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './setup.mjs';

/** Beside the clone, where the project is developed: starts and stops a cluster in a folder. */
const tool = path.resolve(process.env.UNCURL_SLURM_TOOL ?? path.join(root, '..', 'shared', 'tools', 'slurm-cluster'));

const runTool = (verb, folder) => spawnSync(tool, [verb, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });

/**
 * {environment} that names a cluster (the one of SLURM_CONF where there is one), or {absent}: why there is none here,
 * which is no failure.
 */
export const findSlurm = () => {
  if (process.env.SLURM_CONF) return { environment: { UNCURL_SLURM_FOLDER: path.dirname(process.env.SLURM_CONF) } };
  if (!existsSync(tool)) return { absent: `there is no tool that starts a cluster (${path.relative(root, tool)})` };
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/etc/debian_version'))
    return { absent: 'a cluster of its own is started on Debian as root alone; SLURM_CONF may name another one' };
  const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-slurm-'));
  process.on('exit', () => {
    runTool('stop', folder);
    rmSync(folder, { recursive: true, force: true });
  });
  const { status } = runTool('start', folder);
  if (status !== 0) return { absent: `${path.relative(root, tool)} could not start a cluster; its message is above` };
  return { environment: { SLURM_CONF: path.join(folder, 'slurm.conf'), UNCURL_SLURM_FOLDER: folder } };
};
