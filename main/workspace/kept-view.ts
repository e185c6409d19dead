import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { linkedFragment } from '../contract/page-fragment.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { readTextIfThere } from '../files/regular-file.ts';

const FILE = 'view.json';
const MAX_BYTES = 65_536;

const keptView = z.object({ format: z.literal('uncurl-view'), address: boundedText });

/** The view last on screen, as the fragment of the page's address, so that a browser restores it on another port. */
export interface KeptView {
  /** Null where no view is stored or none that the page can show. */
  read(): Promise<string | null>;
  write(address: string): Promise<void>;
}

export const createKeptView = (workspace: string, temporaryFolder: string): KeptView => {
  const file = join(workspace, FILE);
  const inTurn = createTurns();
  return {
    read: async () => {
      const text = await readTextIfThere(file, { mostBytes: MAX_BYTES });
      if (text === null) return null;
      try {
        return linkedFragment(keptView.parse(JSON.parse(text)).address);
      } catch (error) {
        // Only the view is lost; the next change writes it again.
        if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
        throw error;
      }
    },
    write: (address) => {
      const text = `${JSON.stringify({ format: 'uncurl-view', address })}\n`;
      return inTurn(() => writeFileAtomically(file, text, temporaryFolder));
    },
  };
};
