import { type RunManifest, storedManifest } from '../contract/run.ts';
import type { AllowanceOf } from '../evaluation/field-differences.ts';
import { recordedTitle } from '../sample/sample-run.ts';
import { isResultFile, MANIFEST, OUTSIDE_SEAL } from '../workspace/sealed-files.ts';
import type { FieldLedger } from './field-ledger.ts';

/** Fields of a manifest that a second run says as well. */
const COMPARED: ReadonlySet<string> = new Set(['kind', 'state', 'title', 'models', 'tasks']);

/** Fields that it cannot confirm, with the reason; any other field is named, too. */
const NOT_COMPARED: ReadonlyMap<string, string> = new Map([
  ['id', 'names the run itself'],
  ['createdAt', 'a date cannot be measured again'],
  ['finishedAt', 'a date cannot be measured again'],
  ['spec', 'the settings of the first run are those of the second one, whatever they are'],
  ['versions', 'as the first run states them; those of the second run are listed beside them'],
  ['device', 'as the first run states it; that of the second run is listed beside it'],
  ['commandLine', 'the command that started the run'],
  ['output', 'a path of the machine that made the run'],
  ['error', 'a finished run has none'],
  ['sample', 'marks the bundled sweep'],
  ['adoptedAt', 'a date cannot be measured again'],
]);

const allowanceOf: AllowanceOf = (field) => {
  const [name = ''] = field.split('.');
  if (field === 'models.commit') return { kind: 'any', reason: 'where the files came from; their content is compared' };
  if (/^models\.transformers\b/.test(field))
    return {
      kind: 'any',
      reason: 'a run asks transformers itself, where a Python is configured, and refuses what differs',
    };
  const reason = /^(?:models|tasks)\.path$/.test(field)
    ? 'a path of the machine that made the run; its content is compared by its hash'
    : COMPARED.has(name)
      ? undefined
      : (NOT_COMPARED.get(name) ?? 'the second run does not repeat it');
  return reason === undefined ? { kind: 'none' } : { kind: 'any', reason };
};

/** What the manifest of a second run says where it must say the same. */
export type ManifestAgain = Pick<RunManifest, 'kind' | 'title' | 'models' | 'tasks'>;

/** Compares what a manifest says about the run, and names what a second run cannot confirm. */
export const compareManifests = (ledger: FieldLedger, before: RunManifest, again: ManifestAgain): void => {
  ledger.read(MANIFEST);
  const title = recordedTitle(before.id, again.title);
  const said = { ...storedManifest(before), state: 'done', ...again, title };
  ledger.compare(MANIFEST, allowanceOf, storedManifest(before), said);
};

/** Names every file of the first run that was not compared. `names`: all files of its folder. */
export const nameOtherFiles = (ledger: FieldLedger, names: readonly string[]): void => {
  for (const name of [...names].sort()) {
    if (ledger.files.includes(name)) continue;
    const reason =
      OUTSIDE_SEAL.get(name) ??
      (isResultFile(name) ? 'the second run has no such file' : 'contains nothing that is shown as measured');
    ledger.allowed(name, 'file', reason);
  }
};
