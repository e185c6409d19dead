import { type ReactNode } from 'react';
import type { FolderPurpose } from '../../main/contract/shell.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { useRequest } from '../engine/engine-context.tsx';
import type { ChosenFolder, ChosenProgram } from '../state/model-forms.ts';
import { chooseFolder, choosePython } from '../state/file-choice.ts';
import { Button } from './button.tsx';
import './new-folder.css';
import { TextField } from './choices.tsx';

interface ChosenPathProps {
  /** Null: none is chosen, and `otherwise` stands in its place. */
  readonly path: string | null;
  readonly otherwise?: string;
  /** Accessible name of the button. */
  readonly label?: string;
  readonly icon: 'file' | 'folder';
  readonly disabled?: boolean;
  /** Shows the dialog that chooses another. */
  readonly choose: (bridge: Bridge) => Promise<void>;
  /** Buttons before that one, and after it. */
  readonly before?: ReactNode;
  readonly after?: ReactNode;
}

/** A chosen file or folder, with a button to choose another. */
export const ChosenPath = ({ path, otherwise, label, icon, disabled = false, choose, ...beside }: ChosenPathProps) => {
  const { busy, start } = useRequest();
  return (
    <div className="folder-field">
      <code className="ellipsis" title={path ?? undefined}>
        {path ?? otherwise}
      </code>
      {beside.before}
      <Button
        icon={icon}
        disabled={busy || disabled}
        aria-label={label}
        onClick={() => start(({ bridge }) => choose(bridge))}
      >
        Choose…
      </Button>
      {beside.after}
    </div>
  );
};

interface ParentFolderProps {
  readonly purpose: FolderPurpose;
  readonly into: ChosenFolder | null;
  readonly choose: (folder: ChosenFolder) => void;
  readonly disabled?: boolean;
}

/** The folder in which a new one is made, with a button to choose it. */
export const ParentFolder = ({ purpose, into, choose, disabled = false }: ParentFolderProps) => (
  <ChosenPath
    path={into?.path ?? null}
    otherwise="not chosen yet"
    label="Choose the folder to write into"
    icon="folder"
    disabled={disabled}
    choose={async (bridge) => {
      const folder = await chooseFolder(bridge, purpose);
      if (folder !== null) choose(folder);
    }}
  />
);

interface ChosenPythonProps {
  readonly path: string;
  readonly choose: (program: ChosenProgram) => void;
  readonly before?: ReactNode;
}

/** The Python that a run starts, with a button to choose another. */
export const ChosenPython = ({ choose, ...rest }: ChosenPythonProps) => (
  <ChosenPath
    {...rest}
    label="Choose a Python"
    icon="file"
    choose={async (bridge) => {
      const program = await choosePython(bridge);
      if (program !== null) choose(program);
    }}
  />
);

export const NewFolderName = ({ name, change }: { readonly name: string; readonly change: (name: string) => void }) => (
  <TextField label="Name of the new folder" value={name} spellCheck={false} onChange={change} />
);
