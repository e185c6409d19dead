import { join } from 'node:path';
import { type BesideDocument, besideDocument, besideSettings } from '../../contract/beside.ts';
import type { RunManifest } from '../../contract/run.ts';
import { UNPRUNED } from '../../contract/sweep.ts';
import { besidePrompt } from '../../generation/write-beside.ts';
import { BESIDE_FILE, besideJob } from '../../jobs/beside-job.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { validatePlan } from '../../pruning/validate-plan.ts';
import { besidePage } from '../../report/beside-page.ts';
import { reportName } from '../../report/page.ts';
import { readResult } from '../../runs/read-result.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import { requireKind } from '../../contract/run-kinds.ts';
import { type AnswersTo, type EngineContext, withProvenance } from '../engine-context.ts';
import { finishRun, modelNames, noResult, onlyModel, type StartedRun } from '../run-kind.ts';
import { openRunModels } from '../run-subjects.ts';

const TITLE_CHARACTERS = 40;

const shortened = (prompt: string): string => {
  const line = prompt.replaceAll(/\s+/g, ' ').trim();
  return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS)}\u2026`;
};

/** A prompt continued by the unpruned model and by plans. */
export const besideRun: StartedRun<'beside', typeof besideSettings> = {
  kind: 'beside',
  onTorch: true,
  schema: besideSettings,
  order: async (context, { model, ...spec }) => ({
    spec,
    models: await openRunModels(context, [model]),
    tasks: [],
  }),
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
  const stored = ({ id }: RunManifest): Promise<BesideDocument | null> =>
    readResult(join(runs.folder(id), BESIDE_FILE), besideDocument);
  return {
    'beside.stop': ({ run }) => finishRun(context, run, 'beside'),
    'beside.read': async ({ run }) => {
      const manifest = await manifestOf(run);
      const document = await stored(manifest);
      if (document !== null) return withProvenance(context, run, document);
      if (manifest.state === 'queued' || manifest.state === 'running') return nothingYet(manifest);
      throw noResult('no-beside', manifest);
    },
    'beside.report': async ({ run }) => {
      const manifest = await manifestOf(run);
      const document = await stored(manifest);
      if (document === null) throw noResult('no-beside', manifest);
      const page = besidePage(await withProvenance(context, run, manifest), document);
      return { name: reportName(manifest), html: page };
    },
  };
};
