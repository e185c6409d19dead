import { useEffect, useRef, useState } from 'react';
import { openFile, openPath, contentKind } from '../../actions/dropped.ts';
import { openModel, openTask } from '../../actions/open.ts';
import { useAction } from '../../actions/action.ts';
import { Button, Icon, type IconName } from '../../components/button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { type Engine, useEngine } from '../../engine/engine-context.tsx';
import { performWork } from '../../engine/waits.ts';
import { noticesStore } from '../../state/notices-store.ts';
import './drop-zone.css';

/** Whether files are dragged, as opposed to text or a list row. */
const holdsFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') === true;

const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry()?.isDirectory === true;

/** Names of the dropped files, shown before anything is opened. */
interface Drop {
  readonly files: readonly File[];
  readonly hasFolder: boolean;
}

const dropOf = ({ dataTransfer }: DragEvent): Drop => {
  const items = [...(dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  return { files: [...(dataTransfer?.files ?? [])], hasFolder: items.some(isFolder) };
};

/** Opens one after the other; an error is reported and does not stop the next. */
const inTurn = async (engine: Engine, works: readonly ((engine: Engine) => Promise<void>)[]): Promise<void> => {
  for (const work of works) {
    try {
      await performWork(engine, null, work);
    } catch (error) {
      noticesStore.getState().report(error);
    }
  }
};

/** Opens files and folders dropped anywhere on the window. */
export const DropZone = () => {
  const engine = useEngine();
  const { shell } = engine.bridge;
  // An engine elsewhere gets contents, as from a browser: paths of this machine mean nothing to it.
  const takesPaths = (shell?.chooseFolder ?? null) !== null;
  const [isOver, setOver] = useState(false);
  const [refusedFolder, setRefusedFolder] = useState(false);
  /** Files of the last drop in the window, until the shell reports their paths. */
  const waiting = useRef<readonly File[]>([]);

  useEffect(() => {
    /**
     * The last element entered. The next element is entered before this one is left, so leaving this one means leaving
     * the window.
     */
    let entered: EventTarget | null = null;
    const onEnter = (event: DragEvent): void => {
      if (!holdsFiles(event)) return;
      // When the pointer moves to another element, Chromium asks only this event whether a drop is accepted.
      event.preventDefault();
      entered = event.target;
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.target === entered) setOver(false);
    };
    /** A pointer moves only after the drag has ended, possibly over an element that was removed and so never left. */
    const onMove = (): void => setOver(false);
    const onOver = (event: DragEvent): void => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent): void => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const { files, hasFolder } = dropOf(event);
      if (takesPaths) waiting.current = files;
      else if (hasFolder) setRefusedFolder(true);
      else
        void inTurn(
          engine,
          files.map((file) => (asking) => openFile(asking, file)),
        );
    };
    const ended = new AbortController();
    const { signal } = ended;
    window.addEventListener('dragenter', onEnter, { signal });
    window.addEventListener('dragleave', onLeave, { signal });
    window.addEventListener('dragover', onOver, { signal });
    window.addEventListener('drop', onDrop, { signal });
    window.addEventListener('pointermove', onMove, { signal });
    return () => ended.abort();
  }, [engine, takesPaths]);

  useEffect(
    () =>
      shell?.onDropped((handles) => {
        if (!takesPaths) return;
        const files = waiting.current;
        waiting.current = [];
        void inTurn(
          engine,
          handles.map((handle, index) => async (asking) => {
            const file = files[index];
            const isRead = file !== undefined && ['plan', 'figure'].includes(contentKind(file.name));
            if (file !== undefined && (isRead || handle === null)) await openFile(asking, file);
            else if (handle !== null) await openPath(asking, handle);
          }),
        );
      }),
    [engine, shell, takesPaths],
  );

  useEffect(() => {
    if (shell === null) return undefined;
    const stop = shell.onOpened((handle) => void inTurn(engine, [(asking) => openPath(asking, handle)]));
    void inTurn(engine, [() => shell.listen()]);
    return stop;
  }, [engine, shell]);

  return (
    <>
      {isOver && <DropOverlay takesFolders={takesPaths} isElsewhere={shell !== null} />}
      {refusedFolder && <FolderRefused isElsewhere={shell !== null} onClose={() => setRefusedFolder(false)} />}
    </>
  );
};

interface Outcome {
  readonly icon: IconName;
  readonly what: string;
  readonly then: string;
  readonly isFolder: boolean;
}

/** The kinds of things that can be dropped; a browser reveals neither names nor folders before the drop. */
const outcomes: readonly Outcome[] = [
  { icon: 'model', what: 'Folder of a model', then: 'opened and selected', isFolder: true },
  { icon: 'task', what: 'Folder of a task', then: 'opened, ticked and in focus', isFolder: true },
  { icon: 'chart', what: 'Folder of a run', then: 'its result is shown', isFolder: true },
  {
    icon: 'task',
    what: '.jsonl, .parquet or .txt of a task',
    then: 'opened, ticked and in focus',
    isFolder: false,
  },
  { icon: 'file', what: '.json of a plan or a ranking', then: 'replaces the method', isFolder: false },
  { icon: 'chart', what: 'Saved figure or table', then: 'the run that made it is shown', isFolder: false },
];

interface DropOverlayProps {
  readonly takesFolders: boolean;
  /** Whether the engine is on another machine, rather than the page in a browser. */
  readonly isElsewhere: boolean;
}

const DropOverlay = ({ takesFolders, isElsewhere }: DropOverlayProps) => (
  <div className="drop-overlay" role="status">
    <div className="drop-card">
      <h2>Drop to open</h2>
      <ul className="rows stack">
        {outcomes
          .filter((outcome) => takesFolders || !outcome.isFolder)
          .map(({ icon, what, then }) => (
            <li key={what}>
              <Icon name={icon} size={16} />
              <span>{what}</span>
              <span className="muted">{then}</span>
            </li>
          ))}
      </ul>
      {!takesFolders && (
        <p className="muted">
          {isElsewhere
            ? 'Files are copied to the other machine: open its folders with the folder dialogs.'
            : 'Browsers reveal no paths: open folders with the folder dialogs.'}
        </p>
      )}
    </div>
  </div>
);

const FolderRefused = ({ isElsewhere, onClose }: { readonly isElsewhere: boolean; readonly onClose: () => void }) => {
  const model = useAction(openModel);
  const task = useAction(openTask);
  const instead = (perform: () => void) => (): void => {
    onClose();
    perform();
  };
  return (
    <Dialog
      title={
        isElsewhere ? 'A folder of this machine cannot be opened there' : 'A folder cannot be dropped in a browser'
      }
      onClose={onClose}
    >
      <div className="dialog-body">
        <p>
          {isElsewhere
            ? 'The engine is on another machine, and models are opened in place, not copied. Choose one of its folders.'
            : 'A browser does not reveal the path of a folder, and models are opened in place, not copied. Choose it ' +
              'in the dialog, where you can also type or paste its path.'}
        </p>
        <div className="card-actions">
          <Button look="primary" icon="model" onClick={instead(model.perform)} data-autofocus>
            Open model folder…
          </Button>
          <Button icon="task" onClick={instead(task.perform)}>
            Open task folder…
          </Button>
        </div>
      </div>
    </Dialog>
  );
};
