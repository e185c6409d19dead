import { execFileSync } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** A small disk, removed when the test ends; null where none can be made (it needs Linux and root). */
export const smallDisk = async (kilobytes: number): Promise<string | null> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const disk = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(kilobytes)}k`, 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', disk]));
  return disk;
};

/** Fills the disk completely; returns the file that takes the space. */
export const fillDisk = async (disk: string): Promise<string> => {
  const filler = join(disk, 'filler');
  for (;;) {
    try {
      await appendFile(filler, Buffer.alloc(4096));
    } catch {
      return filler;
    }
  }
};
