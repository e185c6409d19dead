import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A reader of foreign data: a sound example of what it reads, and how it is read once that lies in a folder. */
export interface FuzzedParser {
  readonly name: string;
  readonly sound: Buffer;
  /** How often `npm test` mutates it: 500 times, fewer what takes long. */
  readonly mutations: number;
  /** Puts the bytes where they belong and reads them. */
  readonly read: (bytes: Buffer) => Promise<unknown>;
  /** Ends what it started to read with. */
  readonly close?: () => Promise<void>;
}

export const MUTATIONS = 500;

/** A reader of a text. */
export const ofText = (name: string, sound: Buffer, read: (content: string) => unknown): FuzzedParser => ({
  name,
  sound,
  mutations: MUTATIONS,
  read: (bytes) => Promise.resolve(read(bytes.toString('utf8'))),
});

/** A reader of the file `file` of a folder of its own within `folder`, made beforehand or empty. */
export const ofFile = async (
  folder: string,
  name: string,
  file: string,
  sound: Buffer,
  read: (folder: string, file: string) => Promise<unknown>,
): Promise<FuzzedParser> => {
  const target = path.join(folder, file);
  await mkdir(path.dirname(target), { recursive: true });
  return {
    name,
    sound,
    mutations: MUTATIONS,
    read: async (bytes) => {
      await writeFile(target, bytes);
      return read(folder, target);
    },
  };
};
