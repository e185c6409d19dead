import { basename, dirname, resolve } from 'node:path';
import { at, refuse } from '../../contract/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { experimentResult } from '../experiment-result.ts';
import { outFolder } from '../files.ts';
import { followRun, manifestOf, withEngine } from '../open-engine.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { type OptionReader, switchOption, valueOption, type Verb, type VerbHost, type VerbResult } from '../verb.ts';
import type { LockHolder } from '../../workspace/run-lock.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { endedSweepText } from '../sweep-text.ts';
import { fitText } from './fit.ts';
import { damageText } from './damage.ts';
import { reproductionText } from './reproduce.ts';

/** The risks of taking a run over, reported before doing so. */
const risksOf = ({ pid, host }: LockHolder): string =>
  `Taking the run over from process ${pid} on ${host}. If it still lives, both compute the same steps until ` +
  'it next renews its lock, and the manifest and tables are of whoever writes last; finished steps are safe, since ' +
  'each is written whole under a key of its content.';

/** Values that the command line gives for a run that was made elsewhere. */
interface NamedForRun {
  readonly code: string;
  readonly python: string | null;
  readonly out: string | null;
}

const readConfirmed = (reader: OptionReader): NamedForRun | null => {
  const [code, python] = [confirmedCode(reader), reader.text('python')];
  const out = reader.text('out') === undefined ? null : outFolder(reader);
  if (code !== undefined) return { code, python: python === undefined ? null : resolve(python), out };
  if (python === undefined && out === null) return null;
  throw refuse(
    'bad-usage',
    'A run goes on with the program and folder that it was started with.',
    'Leave --python and --out out; for a run that was made elsewhere, give --confirm as well.',
  );
};

const grantedRun = (engine: Engine, named: NamedForRun | null) =>
  named === null
    ? undefined
    : {
        code: named.code,
        python: named.python === null ? null : engine.grantPath(named.python),
        destination:
          named.out === null ? null : { into: engine.grantPath(dirname(named.out)), name: basename(named.out) },
      };

/** Reports the program and folder that a run made elsewhere names, and those used instead. */
const sayAdopted = async (
  engine: Engine,
  run: string,
  { python, out }: NamedForRun,
  host: Pick<VerbHost, 'say'>,
): Promise<void> => {
  const { isMadeHere, says, asks } = await engine.call('runs.origin', { run });
  if (isMadeHere) return;
  const workspaceWords = "the workspace's own environment";
  if (asks.program)
    host.say(`Program: the run names ${says.program ?? workspaceWords}; used is ${python ?? workspaceWords}.`);
  if (asks.destination)
    host.say(`Folder to write: the run names ${says.destination ?? 'none'}; used is ${out ?? 'none'}.`);
  host.say(`Read: ${says.reads.join(', ')}.`);
};

export const resume: Verb = {
  name: 'resume',
  usage: 'RUN [--workspace DIR] [--take-over] [--confirm CODE [--python FILE] [--out DIR]]',
  summary: 'Goes on with a run that was interrupted, cancelled or failed: finished steps are not computed again.',
  positionals: [1, 1],
  engine: 'A run goes on with the engine that it was started with.',
  options: {
    'take-over': switchOption('Take the run over from an engine that is gone although its lock still looks valid.'),
    ...CONFIRM_OPTION,
    python: valueOption(
      'FILE',
      "For a run that was made elsewhere: Python that trains (default: the workspace's own environment).",
    ),
    out: valueOption('DIR', 'For a run that was made elsewhere: folder to make for its result.'),
    ...WORKSPACE_OPTION,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    // Refuses a wrong name before an engine starts.
    const { runs } = await openExistingWorkspace(workspace);
    await runs.read(run);
    const confirmed = readConfirmed(reader);
    const takeOver = reader.flag('take-over');
    const holder = takeOver ? await runs.holder(run) : null;
    if (holder !== null) host.say(risksOf(holder));
    const goOn = async (engine: Engine): Promise<VerbResult> => {
      if (confirmed !== null) await sayAdopted(engine, run, confirmed, host);
      await engine.call('jobs.resume', { run, takeOver, confirmed: grantedRun(engine, confirmed) });
      const summary = await followRun(engine, run, host);
      const { kind, output, models } = await manifestOf(engine, run);
      if (kind === 'sweep') {
        const document = await engine.call('sweep.read', { run });
        return { document: { ...document, summary }, text: endedSweepText(document, summary) };
      }
      if (kind === 'reproduce') {
        const found = await engine.call('reproduction.read', { run });
        return { document: found, text: reproductionText(found), failed: !found.matches };
      }
      if (kind === 'damage') {
        const document = await engine.call('damage.read', { run });
        return { document: { ...document, summary }, text: `${damageText(document)}\n${summary}` };
      }
      if (kind === 'fit') {
        const document = await engine.call('fit.read', { run });
        return {
          document: { ...document, summary },
          text: fitText(document, at(models, 0, 'a search without a model').path),
        };
      }
      if (kind === 'experiment') return experimentResult(engine, run);
      return { document: { run, summary, output }, text: summary };
    };
    return withEngine(reader, host, goOn, { workspace });
  },
};
