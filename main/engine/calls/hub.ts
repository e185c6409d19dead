import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { families } from '../../checkpoint/families/families.ts';
import { refuse, serialiseError } from '../../contract/errors.ts';
import { recordedPush } from '../../contract/command-parts.ts';
import { COMMIT, type HubModel, type HubName, hubNameText, parseHubName, repositoryId } from '../../contract/hub.ts';
import { presentBytes } from '../../hub/download.ts';
import { createHubClient, type HubClient } from '../../hub/hub-client.ts';
import { type HubSettings, hubSettings } from '../../hub/hub-settings.ts';
import { findPublished, readPublishedInfo } from '../../hub/published-model.ts';
import { searchModels } from '../../hub/repository.ts';
import { checkUpload } from '../../hub/upload.ts';
import { downloadJob, pushJob } from '../../jobs/hub-jobs.ts';
import { runKinds } from '../../contract/run-kinds.ts';
import { readSettings, withSetHub } from '../../workspace/settings-file.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { type RunKindDefinition, startRun } from '../run-kind.ts';

/** Models that a search shows. */
const MOST_FOUND = 40;
/** Models that are asked for, of which those of other families are left out. */
const MOST_ASKED = 200;

const nameOf = (text: string): HubName => {
  const name = parseHubName(text);
  if (name !== null) return name;
  throw refuse('bad-name', `"${text}" is not the name of a model on the Hub.`, 'Name it org/name.');
};

/** The Hub of the environment and of the user's present settings. */
export const hubNow = async (context: Pick<EngineContext, 'settingsFile'>): Promise<HubSettings> =>
  hubSettings(withSetHub(process.env, await readSettings(context.settingsFile)));

const clientFor = async (context: EngineContext, purpose: string): Promise<HubClient> =>
  createHubClient(await hubNow(context), purpose);

/** Facts about a model on the Hub, before anything of it is downloaded. */
export const lookAtModel = async (client: HubClient, name: HubName, signal?: AbortSignal): Promise<HubModel> => {
  const model = await findPublished(client, name, { signal });
  const info = await readPublishedInfo(client, model, signal);
  return {
    name: hubNameText(name),
    repository: model.repository.id,
    commit: model.repository.commit,
    isGated: model.repository.isGated,
    info,
    files: model.needed.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
    totalBytes: model.needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    presentBytes: await presentBytes(client.settings.cache, model),
  };
};

const downloadSpec = z.object({
  /** `org/name`, with a revision and a GGUF file where they were named. */
  name: boundedText,
  repository: repositoryId,
  commit: z.string().regex(COMMIT),
});

/** A download of a model from the Hub into its cache. */
export const downloadRun: RunKindDefinition<typeof downloadSpec> = {
  kind: 'download',
  schema: downloadSpec,
  onCpu: true,
  withoutModel: true,
  check: () => undefined,
  title: (_, { spec }) => `Download of ${spec.name}`,
  job: async (context, { spec: { name, commit } }) => {
    const settings = await hubNow(context);
    return downloadJob(() => createHubClient(settings, `${name} is to be downloaded`), nameOf(name), commit);
  },
};

/** An upload of a verified export to the Hub. */
export const pushRun: RunKindDefinition<typeof recordedPush> = {
  kind: 'push',
  schema: recordedPush,
  onCpu: true,
  withoutModel: true,
  check: () => undefined,
  title: (_, { spec }) => `Upload to ${spec.repository}`,
  job: async (context, { spec: { exported: folder, ...order } }) => {
    const settings = await hubNow(context);
    return pushJob(() => createHubClient(settings, `${order.repository} is to be written`), { folder, ...order });
  },
};

export const hubCalls = (context: EngineContext): AnswersTo<'hub'> => ({
  'hub.state': async () => {
    const { endpoint, cache, forbiddenBy, token } = await hubNow(context);
    const found = await token().then(
      (text) => ({ hasToken: text !== null, tokenProblem: null }),
      (error: unknown) => {
        const { message, remedy } = serialiseError(error);
        return { hasToken: false, tokenProblem: `${message} ${remedy}` };
      },
    );
    return { endpoint, cache, forbiddenBy, ...found };
  },
  'hub.search': async ({ query, all }) => {
    const client = await clientFor(context, 'Models are searched by name');
    const known = new Set<string>(families.map(({ modelType }) => modelType));
    const found = await searchModels(client, query, all ? MOST_FOUND : MOST_ASKED);
    return found
      .map(({ id, modelType, ...rest }) => ({
        repository: id,
        ...rest,
        modelType,
        isSupported: modelType !== null && known.has(modelType),
      }))
      .filter(({ isSupported }) => all || isSupported)
      .slice(0, MOST_FOUND);
  },
  'hub.look': async ({ name }, signal) =>
    lookAtModel(await clientFor(context, `${name} is looked for`), nameOf(name), signal),
  'hub.download': async ({ name: text }, signal) => {
    const name = nameOf(text);
    const client = await clientFor(context, `${text} is to be downloaded`);
    const { commit, repository, info } = await lookAtModel(client, name, signal);
    if (!info.supported) throw refuse('model-unsupported', info.reasons.join(' '), 'Choose another model.');
    return startRun(
      context,
      downloadRun,
      { spec: { name: hubNameText(name), repository, commit }, models: [], tasks: [] },
      signal,
    );
  },
  'hub.push': async ({ exported, ...order }, signal) => {
    const folder =
      'run' in exported ? await exportedFolder(context, exported.run) : context.handles.resolve(exported.handle);
    const client = await clientFor(context, `${order.repository} is to be written`);
    await checkUpload(client, { folder, ...order }, signal);
    return startRun(context, pushRun, { spec: { exported: folder, ...order }, models: [], tasks: [] }, signal);
  },
});

/** The folder that a finished export of this engine wrote. */
const exportedFolder = async ({ workspace, bindings }: EngineContext, run: string): Promise<string> => {
  const manifest = await workspace.runs.read(run);
  const { kind, state, output } = manifest;
  if (kind !== 'export' || state !== 'done' || output === null || !(await bindings.isBound(manifest)))
    throw refuse(
      'nothing-made',
      `${run} is ${runKinds[kind].words} (${state}), not a finished export that was made here.`,
      'Choose a finished export.',
    );
  return output;
};
