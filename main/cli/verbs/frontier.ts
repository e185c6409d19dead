import { frontierColumns } from '../../figures/frontier-table.ts';
import { UNITS_NOTE } from '../../words/numbers.ts';
import { type Verb } from '../verb.ts';
import { findRun, withReader, WORKSPACE_OPTION } from '../subjects.ts';
import { columnsTable } from '../terminal-text.ts';

const HOW_TO_READ =
  'Undominated: no other model is at least as good in no more bytes, and better in one of the two. These are the ' +
  'best of many measured values; read their intervals. Each sentence below compares the unpruned model at a type ' +
  'with the mildest pruning by a method that fits into its bytes at another type, on the same items. p-values ' +
  'hold for all sentences together (Holm). Activations are not rounded; llama.cpp also rounds some of them.';

export const frontier: Verb = {
  name: 'frontier',
  usage: 'RUN [--workspace DIR]',
  summary: 'Accuracy against bytes in a sweep with --weights, and whether to prune or to quantise.',
  positionals: [1, 1],
  options: { ...WORKSPACE_OPTION },
  run: async (reader, host) => {
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    const document = await withReader(host, workspace, (runs) => runs.read({ read: 'frontier', run }));
    const { points, summary, findings } = document;
    const text = [
      columnsTable(frontierColumns, points),
      `${HOW_TO_READ} ${UNITS_NOTE}`,
      ...summary,
      ...findings,
      `Run ${run}.`,
    ];
    return { document, text: text.join('\n\n') };
  },
};
