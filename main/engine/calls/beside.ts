import { join } from 'node:path';
import { type BesideDocument, besideDocument, besideSettings } from '../../contract/beside.ts';
import { refuse } from '../../contract/errors.ts';
import type { RunManifest } from '../../contract/run.ts';
import { UNPRUNED } from '../../contract/sweep.ts';
import { readJsonIfThere } from '../../files/parse-json.ts';
import { besidePrompt } from '../../generation/write-beside.ts';
import { BESIDE_FILE, besideJob } from '../../jobs/beside-job.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { validatePlan } from '../../pruning/validate-plan.ts';
import { besidePage } from '../../report/beside-page.ts';
import { reportName } from '../../report/page.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import { requireKind } from '../../contract/run-kinds.ts';
import { requireAsWritten } from '../../workspace/sealed-files.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { modelNames, onlyModel, type RunKindDefinition, startRun } from '../run-kind.ts';
import { openRunModels } from '../run-subjects.ts';

/** Limit for three texts of at most 4096 tokens each. */
const MAX_BESIDE_BYTES = 16 * 2 ** 20;

const TITLE_CHARACTERS = 40;

const shortened = (prompt: string): string => {
  const line = prompt.replaceAll(/\s+/g, ' ').trim();
  return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS)}\u2026`;
};

/** A prompt continued by the unpruned model and by plans. */
export const besideRun: RunKindDefinition<typeof besideSettings> = {
  kind: 'beside',
  onTorch: true,
  schema: besideSettings,
  check: async (context, { spec, models }) => {
    const { checkpoint } = onlyModel({ models });
    for (const { plan } of spec.plans) validatePlan(plan, checkpoint.info);
    await besidePrompt(checkpoint, await requireTokenizer(checkpoint), spec, new Date(context.now()));
  },
  title: (_, { spec, models }) => `Side by side: ${modelNames({ models })} on "${shortened(spec.prompt)}"`,
  job: (_, { spec, models }) => besideJob(onlyModel({ models }), spec),
};

/** The document of a run that has written nothing yet. */
const nothingYet = (manifest: RunManifest): BesideDocument => {
  const { prompt, maxNewTokens, plans } = recordedSpec(manifest, besideSettings);
  return {
    run: manifest.id,
    model: manifest.models[0]?.name ?? '',
    prompt,
    context: prompt,
    promptTokens: 0,
    mostNewTokens: maxNewTokens,
    columns: [UNPRUNED, ...plans.map(({ name }) => name)].map((name) => ({ name, tokens: [], ended: null })),
    differences: [],
  };
};

export const besideCalls = (context: EngineContext): AnswersTo<'beside'> => {
  const { runs } = context.workspace;
  const manifestOf = async (run: string): Promise<RunManifest> => requireKind(await runs.read(run), 'beside');
  const stored = async (manifest: RunManifest): Promise<BesideDocument | null> => {
    const folder = runs.folder(manifest.id);
    await requireAsWritten(folder, BESIDE_FILE);
    const file = join(folder, BESIDE_FILE);
    return readJsonIfThere(file, besideDocument, { mostBytes: MAX_BESIDE_BYTES }, (cause) =>
      refuse('beside-unreadable', `${file} is damaged.`, 'Write it again.', cause),
    );
  };
  const noTexts = ({ title, state }: RunManifest): Error =>
    refuse('no-beside', `${title} has no texts (${state}).`, 'Wait until it is done, or resume it.');
  return {
    'beside.start': async ({ model, ...spec }, signal) =>
      startRun(context, besideRun, { spec, models: await openRunModels(context, [model]), tasks: [] }, signal),
    'beside.stop': ({ run }) => {
      const job = context.queue.list().find((known) => known.run === run);
      if (job !== undefined) requireKind({ id: run, kind: job.kind }, 'beside');
      context.queue.finish(run);
      return {};
    },
    'beside.read': async ({ run }) => {
      const manifest = await manifestOf(run);
      const document = await stored(manifest);
      if (document !== null) return withProvenance(context, run, document);
      if (manifest.state === 'queued' || manifest.state === 'running') return nothingYet(manifest);
      throw noTexts(manifest);
    },
    'beside.report': async ({ run }) => {
      const manifest = await manifestOf(run);
      const document = await stored(manifest);
      if (document === null) throw noTexts(manifest);
      const page = besidePage(await withProvenance(context, run, manifest), document);
      return { name: reportName(manifest), html: page };
    },
  };
};
