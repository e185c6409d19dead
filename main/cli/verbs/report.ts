import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../../contract/bounds.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { findRun, READING_OPTIONS, withReader, WORKSPACE_OPTION } from '../subjects.ts';
import { OUT_FILE, outFile } from '../files.ts';
import { type Verb } from '../verb.ts';

export const report: Verb = {
  name: 'report',
  usage: 'RUN --out FILE.html [--delta X] [--familywise] [--workspace DIR] [--force]',
  summary: 'A sweep or an experiment as one self-contained HTML page: findings, thresholds, figures, tables, record.',
  positionals: [1, 1],
  options: {
    ...OUT_FILE,
    ...READING_OPTIONS,
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const out = outFile(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    const { kind } = await (await openExistingWorkspace(workspace)).runs.read(run);
    const delta = reader.real('delta', SMALLEST_MARGIN, LARGEST_MARGIN);
    const familywise = reader.flag('familywise');
    const { html, findings, provenance } = await withReader(host, workspace, async (runs) =>
      kind === 'experiment'
        ? await runs.read({ read: 'experiment-report', run, delta })
        : await runs.read({ read: 'report', run, delta, familywise }),
    );
    await writeFileAtomically(out, html);
    const sizeBytes = Buffer.byteLength(html);
    return {
      document: { out, run, sizeBytes, findings, provenance },
      text: [
        ...findings.map(({ sentence }) => sentence),
        '',
        `Written to ${out} (${Math.round(sizeBytes / 1000)} kB).`,
      ].join('\n'),
    };
  },
};
