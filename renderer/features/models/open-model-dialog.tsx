import { useState } from 'react';
import { useStore } from 'zustand';
import { type HubFound, type HubModel, parseHubName } from '../../../main/contract/hub.ts';
import { memoryVerdict, type ModelEntry } from '../../../main/contract/model.ts';
import { runsWithin } from '../../../main/words/memory.ts';
import { counted, formatBytes, formatCount, formatParameters } from '../../../main/words/numbers.ts';
import { useAction } from '../../actions/action.ts';
import { openModel, takeModel } from '../../actions/open.ts';
import { Button, RowButton } from '../../components/button.tsx';
import { Checkbox, Segmented } from '../../components/choices.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { FinderList, FinderLooked } from '../../components/name-finder.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { openModelStore } from '../../state/dialog-stores.ts';
import { FactList, plainFact } from '../../components/data-table.tsx';

type Place = 'here' | 'hub';

/** Models of this machine and of the Hub, and the door to a folder. */
export const OpenModelDialog = () => {
  const { open, show } = useStore(openModelStore);
  return open ? (
    <Dialog title="Open a model" wide onClose={() => show(false)}>
      <Places />
    </Dialog>
  ) : null;
};

const Places = () => {
  const [place, setPlace] = useState<Place>('here');
  const folder = useAction(openModel);
  return (
    <>
      <div className="finder-head">
        <Segmented
          label="Where the model is"
          value={place}
          onChange={setPlace}
          options={[
            { value: 'here', label: 'On this machine' },
            { value: 'hub', label: 'On the Hub' },
          ]}
        />
        <Button
          icon="folder"
          disabled={!folder.enabled}
          onClick={() => {
            openModelStore.getState().show(false);
            folder.perform();
          }}
        >
          A folder…
        </Button>
      </div>
      {place === 'here' ? <ModelsHere /> : <ModelsOnHub />}
    </>
  );
};

/** MoE models first, each group by name; a path once. */
const inOrder = (models: readonly ModelEntry[]): readonly ModelEntry[] =>
  [...new Map(models.map((model) => [model.path, model])).values()].sort(
    (left, right) =>
      Number(left.info === null) - Number(right.info === null) ||
      left.name.localeCompare(right.name, 'en', { numeric: true }),
  );

const ModelsHere = () => {
  const cached = useQuery('models.cached', {});
  const listed = useQuery('models.list', {});
  const state = useQuery('hub.state', {}).data;
  const error = cached.error ?? listed.error;
  if (error !== null) return <Problem error={error} />;
  if (cached.data === undefined || listed.data === undefined)
    return <p className="muted dialog-body">Looking at the models of this machine…</p>;
  return (
    <>
      <ul className="rows finder-list" aria-label="Models on this machine">
        {inOrder([...cached.data, ...listed.data]).map((model) => (
          <ModelHere key={model.handle} model={model} />
        ))}
      </ul>
      {state !== undefined && (
        <p className="muted finder-note">
          The Hugging Face cache is <span className="path">{state.cache}</span>.
        </p>
      )}
    </>
  );
};

const ModelHere = ({ model }: { readonly model: ModelEntry }) => {
  const { busy, start } = useRequest();
  const engine = useQuery('engine.facts', {}).data;
  const { info } = model;
  const verdict = info === null || engine === undefined ? null : memoryVerdict(info, engine.memory.budgetBytes);
  const note =
    info === null
      ? (model.error ?? 'cannot be opened')
      : `${info.family} · ${formatParameters(info.parameters.total)} · ${formatBytes(info.sizeBytes)}` +
        (verdict === null ? '' : ` · ${RUNS[verdict.kind]}`);
  return (
    <li className="row">
      <RowButton
        icon={info === null || verdict?.kind === 'too-large' ? 'warning' : 'model'}
        name={model.name}
        note={note}
        wraps={info === null}
        disabled={busy || info === null}
        title={model.path}
        onClick={() =>
          start(async ({ bridge, cache }) => {
            takeModel(cache, await bridge.call('models.open', { handle: model.handle }));
            openModelStore.getState().show(false);
          })
        }
      />
    </li>
  );
};

const RUNS = {
  resident: 'runs here',
  streamed: 'runs here, one block at a time',
  'too-large': 'does not run here: too little memory',
} as const;

const ModelsOnHub = () => {
  const state = useQuery('hub.state', {});
  const [typed, setTyped] = useState('');
  const [all, setAll] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  const [looked, setLooked] = useState<string | null>(null);
  const search = useQuery('hub.search', asked === null ? null : { query: asked, all });
  if (state.error !== null) return <Problem error={state.error} />;
  if (state.data === undefined) return <p className="muted dialog-body">Reading the settings of the Hub…</p>;
  const { forbiddenBy, endpoint } = state.data;
  if (forbiddenBy !== null || endpoint === null)
    return (
      <p className="dialog-body">
        The Hub is not asked: {forbiddenBy ?? 'HF_ENDPOINT is empty'} forbids it. Models of this machine can be opened.
      </p>
    );
  return (
    <>
      <form
        className="finder-search"
        onSubmit={(event) => {
          event.preventDefault();
          const text = typed.trim();
          if (text === '') return;
          const isName = parseHubName(text) !== null;
          setLooked(isName ? text : null);
          setAsked(isName ? null : text);
        }}
      >
        <input
          className="input"
          aria-label="Name on the Hub"
          data-autofocus
          spellCheck={false}
          autoComplete="off"
          placeholder="org/name, or a part of a name"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Button type="submit" icon="search" disabled={typed.trim() === ''}>
          Search
        </Button>
        <Checkbox checked={all} onChange={setAll}>
          Other families too
        </Checkbox>
      </form>
      <p className="muted finder-note">
        {new URL(endpoint).host} is asked when you search
        {state.data.hasToken ? ', with your token' : ', without a token'}.
        {state.data.tokenProblem !== null && ` Your token cannot be used: ${state.data.tokenProblem}`}
      </p>
      {search.error !== null && <Problem error={search.error} />}
      {search.loading && search.data === undefined && <p className="muted finder-note">Searching…</p>}
      {search.data !== undefined && looked === null && <Found found={search.data} all={all} look={setLooked} />}
      {looked !== null && <Looked name={looked} back={asked === null ? null : () => setLooked(null)} />}
    </>
  );
};

interface FoundProps {
  readonly found: readonly HubFound[];
  readonly all: boolean;
  readonly look: (name: string) => void;
}

const Found = ({ found, all, look }: FoundProps) =>
  found.length === 0 ? (
    <p className="muted finder-note">Nothing was found{all ? '' : ' among the families that can run here'}.</p>
  ) : (
    <FinderList
      label="Models on the Hub"
      look={look}
      entries={found.map(({ repository, modelType, downloads, isGated, isSupported }) => ({
        name: repository,
        icon: isSupported ? 'model' : 'warning',
        note:
          `${modelType ?? 'family unknown'} · ${formatCount(downloads)} downloads` +
          (isGated ? ' · terms to accept' : ''),
      }))}
    />
  );

const Looked = ({ name, back }: { readonly name: string; readonly back: (() => void) | null }) => {
  const { data, error } = useQuery('hub.look', { name });
  return (
    <FinderLooked back={back} error={error} reading={`Reading the headers of ${name}…`}>
      {data === undefined ? null : <Published model={data} />}
    </FinderLooked>
  );
};

/** What a download brings, and whether the model runs here, before a byte of its weights is fetched. */
const Published = ({ model }: { readonly model: HubModel }) => {
  const { busy, problem, start } = useRequest('here');
  const engine = useQuery('engine.facts', {}).data;
  const { info, totalBytes, presentBytes, files, commit, isGated } = model;
  const left = totalBytes - presentBytes;
  return (
    <>
      <FactList
        className="terms"
        facts={[
          plainFact(
            'Model',
            <>
              {model.name} <code>{commit.slice(0, 12)}</code>
              {isGated ? ' (gated: its terms must be accepted on its page)' : ''}
            </>,
          ),
          plainFact(
            'Family',
            `${info.family} · ${formatCount(info.moeLayers)} × ${formatCount(info.experts)} experts, ` +
              `top-${formatCount(info.topK)} · ${formatParameters(info.parameters.total)} parameters, ` +
              `${formatParameters(info.parameters.active)} per token`,
          ),
          plainFact('Stored as', info.dtype),
          plainFact('Would run here', engine && runsWithin(info, engine.memory.budgetBytes, engine.device.precision)),
          plainFact('Download', `${formatBytes(left)} of ${formatBytes(totalBytes)}, ${counted(files.length, 'file')}`),
          plainFact('Notes', info.reasons.length === 0 ? null : info.reasons.join(' ')),
        ]}
      />
      {problem !== null && <Problem error={problem} />}
      <Button
        look="primary"
        icon="save"
        disabled={busy || !info.supported}
        onClick={() =>
          start(async ({ bridge }) => {
            await bridge.call('hub.download', { name: model.name });
            openModelStore.getState().show(false);
          })
        }
      >
        {left === 0 ? 'Check the files that are here' : `Download ${formatBytes(left)}`}
      </Button>
    </>
  );
};
