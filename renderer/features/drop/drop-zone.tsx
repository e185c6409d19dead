import { useEffect, useRef, useState } from 'react';
import { openFile, openPlace, contentKind } from '../../actions/dropped.ts';
import { openModel, openTask } from '../../actions/open.ts';
import { useAction } from '../../actions/action.ts';
import { Button, Icon } from '../../components/button.tsx';
import type { IconName } from '../../components/button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { useEngine } from '../../engine/engine-context.tsx';
import { noticesStore } from '../../state/notices-store.ts';
import './drop-zone.css';

/** Whether files are dragged, and not a text or a row of a list. */
const holdsFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') === true;

const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry()?.isDirectory === true;

/** Names of a drop, told before anything of it is opened. */
interface Drop {
  readonly files: readonly File[];
  readonly hasFolder: boolean;
}

const dropOf = ({ dataTransfer }: DragEvent): Drop => {
  const items = [...(dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  return { files: [...(dataTransfer?.files ?? [])], hasFolder: items.some(isFolder) };
};

/** Opens one after the other; what goes wrong with one is told and does not stop the next. */
const inTurn = async (works: readonly (() => Promise<void>)[]): Promise<void> => {
  for (const work of works) {
    try {
      await work();
    } catch (error) {
      noticesStore.getState().report(error);
    }
  }
};

/** Files and folders that are dropped anywhere on the window are opened as what they are. */
export const DropZone = () => {
  const engine = useEngine();
  const { shell } = engine.bridge;
  const [isOver, setOver] = useState(false);
  const [refusedFolder, setRefusedFolder] = useState(false);
  /** Of the last drop in the window, until the shell tells its paths. */
  const waiting = useRef<readonly File[]>([]);

  useEffect(() => {
    /** The element that was entered last: the next is entered before it is left, so leaving it leaves the window. */
    let entered: EventTarget | null = null;
    const onEnter = (event: DragEvent): void => {
      if (!holdsFiles(event)) return;
      // Over another element than before, Chromium asks this event alone whether a drop would be taken.
      event.preventDefault();
      entered = event.target;
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.target === entered) setOver(false);
    };
    /** No pointer moves during a drag: it ended, over an element that is gone and could not be left. */
    const onMove = (): void => setOver(false);
    const onOver = (event: DragEvent): void => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent): void => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const { files, hasFolder } = dropOf(event);
      if (shell !== null) waiting.current = files;
      else if (hasFolder) setRefusedFolder(true);
      else void inTurn(files.map((file) => () => openFile(engine, file)));
    };
    const ended = new AbortController();
    const { signal } = ended;
    window.addEventListener('dragenter', onEnter, { signal });
    window.addEventListener('dragleave', onLeave, { signal });
    window.addEventListener('dragover', onOver, { signal });
    window.addEventListener('drop', onDrop, { signal });
    window.addEventListener('pointermove', onMove, { signal });
    return () => ended.abort();
  }, [engine, shell]);

  useEffect(
    () =>
      shell?.onDropped((handles) => {
        const files = waiting.current;
        waiting.current = [];
        void inTurn(
          handles.map((handle, index) => async () => {
            const file = files[index];
            const isRead = file !== undefined && ['plan', 'figure'].includes(contentKind(file.name));
            if (file !== undefined && (isRead || handle === null)) await openFile(engine, file);
            else if (handle !== null) await openPlace(engine, handle);
          }),
        );
      }),
    [engine, shell],
  );

  useEffect(() => {
    if (shell === null) return undefined;
    const stop = shell.onOpened((handle) => void inTurn([() => openPlace(engine, handle)]));
    void inTurn([shell.listen]);
    return stop;
  }, [engine, shell]);

  return (
    <>
      {isOver && <DropOverlay takesFolders={shell !== null} />}
      {refusedFolder && <FolderRefused onClose={() => setRefusedFolder(false)} />}
    </>
  );
};

interface Outcome {
  readonly icon: IconName;
  readonly what: string;
  readonly then: string;
  readonly isFolder: boolean;
}

/** What a drop may be: a browser tells neither names nor folders before it. */
const outcomes: readonly Outcome[] = [
  { icon: 'model', what: 'Folder of a model', then: 'opened and selected', isFolder: true },
  { icon: 'task', what: 'Folder of a task', then: 'opened, ticked and in focus', isFolder: true },
  { icon: 'chart', what: 'Folder of a run', then: 'its result is shown', isFolder: true },
  {
    icon: 'task',
    what: '.jsonl, .parquet, .txt or .yaml of a task',
    then: 'opened, ticked and in focus',
    isFolder: false,
  },
  { icon: 'file', what: '.json of a plan or a ranking', then: 'stands in for the method', isFolder: false },
  { icon: 'chart', what: 'Saved figure or table', then: 'the run that it comes from is shown', isFolder: false },
];

const DropOverlay = ({ takesFolders }: { readonly takesFolders: boolean }) => (
  <div className="drop-overlay" role="status">
    <div className="drop-card">
      <h2>Drop to open</h2>
      <ul>
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
      {!takesFolders && <p className="muted">A browser tells no paths: folders are opened by their dialogs.</p>}
    </div>
  </div>
);

const FolderRefused = ({ onClose }: { readonly onClose: () => void }) => {
  const model = useAction(openModel);
  const task = useAction(openTask);
  const instead = (perform: () => void) => (): void => {
    onClose();
    perform();
  };
  return (
    <Dialog title="A folder cannot be dropped in a browser" onClose={onClose}>
      <div className="drop-refused">
        <p>
          A browser does not tell where a folder lies, and a model is not copied to be opened. Choose it in the dialog,
          where its path can also be typed or pasted.
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
