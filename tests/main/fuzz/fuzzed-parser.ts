import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A reader of foreign data: a sound example of its input, and how a file with it is read. */
export interface FuzzedParser {
  readonly name: string;
  readonly sound: Buffer;
  /** Mutations per `npm test`: 200, fewer for slow readers. */
  readonly mutations: number;
  /** Stores the bytes where the reader expects them, and reads them. */
  readonly read: (bytes: Buffer) => Promise<unknown>;
  /** Releases what it needed for reading. */
  readonly close?: () => Promise<void>;
}

export const MUTATIONS = 200;

/** A reader of text. */
export const ofText = (name: string, sound: Buffer, read: (content: string) => unknown): FuzzedParser => ({
  name,
  sound,
  mutations: MUTATIONS,
  read: (bytes) => Promise.resolve(read(bytes.toString('utf8'))),
});

/** A reader of the file `file` in its own folder within `folder`, made beforehand or empty. */
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
