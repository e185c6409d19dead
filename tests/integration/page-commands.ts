import { readFileSync } from 'node:fs';
import path from 'node:path';
import { resources } from './run-uncurl.ts';

/**
 * Commands of the blocks of code on a page of the documentation, without the program's name. `folder`: where their
 * files are; the name of a user in them is `user`.
 */
export const pageCommands = (
  page: string,
  folder: string,
  user: string,
): readonly (readonly { readonly line: string; readonly args: readonly string[] }[])[] => {
  const text = readFileSync(path.join(resources, 'docs', page), 'utf8');
  return [...text.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line) => ({
        line,
        args: line
          .replace(/^uncurl /, '')
          .replace('YOUR-NAME', user)
          .split(' ')
          .map((word) => (/^(?:pruned|\w+\.json)$/.test(word) ? path.join(folder, word) : word)),
      })),
  );
};
