import { useState } from 'react';
import { useStore } from 'zustand';
import type { CallOutput } from '../../../main/contract/calls.ts';
import { refuse, type WorkbenchError } from '../../../main/contract/errors.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { Button, Icon, IconButton } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useEngine, useQuery, useRequest } from '../../engine/engine-context.tsx';
import type { ChosenFolder } from '../../state/model-forms.ts';
import { type BrowsedPurpose, folderDialogStore } from '../../state/file-choice.ts';
import './folder-dialog.css';

interface PurposeWords {
  readonly title: string;
  readonly hint: string;
  readonly confirm: string;
  /** Kind of entry that one click chooses. */
  readonly target: 'model' | 'task' | 'folder' | 'file';
  /** Names of the files that can be chosen; absent: all of the kind. */
  readonly files?: RegExp;
}

const words: Readonly<Record<BrowsedPurpose, PurposeWords>> = {
  model: {
    title: 'Open a model',
    hint: 'A Hugging Face folder with config.json, safetensors and tokenizer.json, or a .gguf file.',
    confirm: 'Open this folder',
    target: 'model',
  },
  task: {
    title: 'Open a task',
    hint: 'A task folder, or a .jsonl, .parquet or .txt file.',
    confirm: 'Open this folder',
    target: 'task',
  },
  candidate: {
    title: 'Measure a checkpoint beside the plans',
    hint: 'The folder of a pruned, merged or tuned copy with the same tokenizer, made here or elsewhere.',
    confirm: 'Measure this folder',
    target: 'model',
  },
  export: {
    title: 'Export into',
    hint: 'The new folder is created inside the one you choose.',
    confirm: 'Export into this folder',
    target: 'folder',
  },
  exported: {
    title: 'Verify an export',
    hint: 'The folder of an exported model.',
    confirm: 'Verify this folder',
    target: 'model',
  },
  tuned: {
    title: 'Write the tuned model into',
    hint: 'The new folder is created inside the one you choose.',
    confirm: 'Write into this folder',
    target: 'folder',
  },
  workspace: {
    title: 'Keep runs in',
    hint: 'A folder of runs, or an empty one.',
    confirm: 'Keep runs in this folder',
    target: 'folder',
  },
  counts: {
    title: 'Rank experts by counts of tokens',
    hint: 'An importance matrix of llama.cpp (.gguf), or routed experts of vLLM or SGLang (.npy, .jsonl).',
    confirm: '',
    target: 'file',
    files: /\.(?:gguf|npy|jsonl)$/iu,
  },
  python: {
    title: 'Choose a Python',
    hint: 'The program itself (bin/python); tick “Hidden” to see folders such as .venv.',
    confirm: '',
    target: 'file',
  },
};

const nouns = { model: 'a model', task: 'a task', folder: 'a folder' } as const;

/** Why a file is not what is looked for, and what is. */
export const anotherKind = (
  { name, kind }: Pick<CallOutput<'folders.list'>['entries'][number], 'name' | 'kind'>,
  purpose: BrowsedPurpose,
): WorkbenchError => {
  const { target, hint } = words[purpose];
  const found = kind === 'model' || kind === 'task' ? `${nouns[kind]}, ` : '';
  return refuse(
    'another-kind',
    target === 'file' ? `${name} cannot be chosen here.` : `${name} is ${found}not ${nouns[target]}.`,
    target === 'folder' ? 'Choose a folder.' : `Choose ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`,
  );
};

export const FolderDialog = () => {
  const request = useStore(folderDialogStore, (state) => state.request);
  if (request === null) return null;
  return <FolderBrowser key={request.purpose} purpose={request.purpose} onChosen={request.onChosen} />;
};

interface FolderBrowserProps {
  readonly purpose: BrowsedPurpose;
  /** Uses the chosen folder before the dialog closes. */
  readonly onChosen: (folder: ChosenFolder, bridge: Bridge) => Promise<void>;
}

const FolderBrowser = ({ purpose, onChosen }: FolderBrowserProps) => {
  const { answer } = folderDialogStore.getState();
  const { title, hint, confirm, target, files } = words[purpose];
  const [handle, setHandle] = useState<PathHandle | null>(null);
  const [lastGood, setLastGood] = useState<PathHandle | null>(null);
  const [hidden, setHidden] = useState(false);
  const listing = useQuery('folders.list', handle === null ? { hidden } : { handle, hidden });
  const { cache } = useEngine();
  const { busy, problem, start } = useRequest('here');
  const [typed, setTyped] = useState<string | null>(null);
  const recent = useRecentFolders(target);
  const folder = listing.data;

  const isChoice = ({ name, kind, isFolder }: NonNullable<typeof folder>['entries'][number]): boolean =>
    files === undefined ? kind === target : !isFolder && files.test(name);
  const enter = (next: PathHandle | null): void => {
    setTyped(null);
    setLastGood(handle);
    setHandle(next);
  };
  const take = async (chosen: ChosenFolder, bridge: Bridge, signal: AbortSignal): Promise<void> => {
    await onChosen(chosen, bridge);
    if (!signal.aborted) answer(chosen);
  };
  const choose = (chosen: ChosenFolder): void => start(({ bridge }, signal) => take(chosen, bridge, signal));
  /** Enters a folder, or takes it where that is confirmed; takes a file that can be chosen here. */
  const goTo = (path: string, isConfirmed = false): void =>
    start(async ({ bridge }, signal) => {
      const there = await bridge.call('folders.list', { path, hidden });
      const entry = there.entries.find((one) => one.handle === there.file);
      if (there.file !== undefined && (entry === undefined || isChoice(entry)))
        await take({ handle: there.file, path }, bridge, signal);
      else if (isConfirmed && there.file === undefined)
        await take({ handle: there.handle, path: there.path }, bridge, signal);
      else {
        enter(there.handle);
        if (entry !== undefined) throw anotherKind(entry, purpose);
      }
    });

  return (
    <Dialog title={title} wide onClose={() => answer(null)}>
      <div className="finder-line">
        <Button
          icon="up"
          disabled={(folder?.parent ?? null) === null}
          onClick={() => folder !== undefined && enter(folder.parent)}
          aria-label="Parent folder"
        />
        <PathField path={folder?.path ?? ''} typed={typed} onType={setTyped} disabled={busy} onGo={goTo} />
        <IconButton
          icon="resume"
          label="Reload the folder"
          onClick={() => cache.invalidate((name) => name === 'folders.list')}
        />
        <Checkbox checked={hidden} onChange={setHidden}>
          Hidden
        </Checkbox>
      </div>
      {recent.length > 0 && (
        <div className="line finder-line">
          <span className="muted">Recent</span>
          {recent.map((path) => (
            <Button key={path} small title={path} disabled={busy} onClick={() => goTo(path)}>
              {nameOf(path)}
            </Button>
          ))}
        </div>
      )}
      {problem !== null && (
        <div className="dialog-body finder-looked">
          <Problem error={problem} />
        </div>
      )}
      {listing.error !== null && (
        <div className="dialog-body finder-looked">
          <Problem error={listing.error} />
          <Button onClick={() => setHandle(lastGood)}>Go back</Button>
        </div>
      )}
      <ul className="rows finder-list" aria-label="Entries" data-folder={folder?.path}>
        {folder?.entries.map((entry) => {
          const opens = target !== 'folder' && isChoice(entry);
          // Folders can be entered; other files cannot be used here.
          const disabled = !opens && !entry.isFolder;
          return (
            <li key={entry.handle} className="row">
              <button
                type="button"
                className="row-main"
                disabled={disabled}
                onClick={() =>
                  opens ? choose({ handle: entry.handle, path: `${folder.path}/${entry.name}` }) : enter(entry.handle)
                }
              >
                <Icon
                  name={
                    entry.kind === 'model'
                      ? 'model'
                      : entry.kind === 'task'
                        ? 'task'
                        : entry.kind === 'file'
                          ? 'file'
                          : 'folder'
                  }
                />
                <span className="row-title ellipsis">{entry.name}</span>
                {entry.kind !== 'folder' && entry.kind !== 'file' && (
                  <span className="badge folder-kind">{entry.kind}</span>
                )}
              </button>
            </li>
          );
        })}
        {folder?.entries.length === 0 && <li className="panel-empty">This folder is empty.</li>}
      </ul>
      {folder?.parent === null && folder.path !== '/' && (
        <p className="muted folder-root">
          Only {folder.path} and the folders in it are listed; start with --root FOLDER to list another one.
        </p>
      )}
      <footer className="dialog-foot">
        <span className="muted">{hint}</span>
        <Button onClick={() => answer(null)}>Cancel</Button>
        {target !== 'file' && (
          <Button
            look="primary"
            disabled={folder === undefined || busy}
            onClick={() => {
              if (folder === undefined) return;
              if (typed !== null && typed.trim() !== '' && typed !== folder.path) goTo(typed, true);
              else choose({ handle: folder.handle, path: folder.path });
            }}
          >
            {busy ? 'Opening…' : confirm}
          </Button>
        )}
      </footer>
    </Dialog>
  );
};

interface PathFieldProps {
  readonly path: string;
  /** Typed text; null: none since the folder was listed. */
  readonly typed: string | null;
  readonly onType: (text: string) => void;
  readonly disabled: boolean;
  readonly onGo: (path: string) => void;
}

/** The path of the listed folder; another path can be typed or pasted. */
const PathField = ({ path, typed, onType, disabled, onGo }: PathFieldProps) => {
  const text = typed ?? path;
  return (
    <form
      className="folder-typed"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '') onGo(text);
      }}
    >
      <input
        className="input"
        aria-label="Path"
        data-autofocus
        spellCheck={false}
        autoComplete="off"
        value={text}
        readOnly={disabled}
        title="Type or paste a path, then Enter"
        onChange={(event) => onType(event.target.value)}
      />
    </form>
  );
};

/** As many as fit in one line. */
const MOST_SHOWN = 4;

/** The last component of a path with either separator. */
export const nameOf = (path: string): string => /[^\\/]+(?=[\\/]*$)/.exec(path)?.[0] ?? path;

const above = (path: string): string => path.replace(/[\\/]+[^\\/]*[\\/]*$/, '');

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`);

/**
 * Parent folders of these paths, latest first, without duplicates; none within the workspace, whose folders for files
 * given to the page are named by hashes.
 */
export const foldersOf = (paths: readonly string[], workspace: string | null): readonly string[] =>
  [...new Set(paths.map(above).reverse())]
    .filter((path) => path !== '' && (workspace === null || !isWithin(path, workspace)))
    .slice(0, MOST_SHOWN);

/** Folders of recently opened entries, from the engine's lists. */
const useRecentFolders = (target: 'model' | 'task' | 'folder' | 'file'): readonly string[] => {
  const models = useQuery('models.list', {}).data ?? [];
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const workspace = useQuery('engine.facts', {}).data?.workspace ?? null;
  const opened = target === 'task' ? tasks : target === 'file' ? [] : models;
  return foldersOf(
    opened
      .filter(({ bundled }) => !bundled)
      .map((entry) => ('calibrated' in entry && entry.calibrated !== undefined ? entry.calibrated.items : entry.path)),
    workspace,
  );
};
