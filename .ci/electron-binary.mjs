// Path of the electron package's binary. Only `npm start` downloads it: looking for it downloads nothing.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

export const electronPackage = path.join(root, 'node_modules', 'electron');

/** The binary that the electron package has already downloaded; null if it has not. */
export const downloadedElectron = () => {
  const pathFile = path.join(electronPackage, 'path.txt');
  if (!existsSync(pathFile)) return null;
  const binary = path.join(electronPackage, 'dist', readFileSync(pathFile, 'utf8').trim());
  return existsSync(binary) ? binary : null;
};
