import { Command } from 'cmdk';
import { useStore } from 'zustand';
import { performAction } from '../actions/action.ts';
import { actions } from '../actions/index.ts';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { Dialog } from '../components/dialog.tsx';
import { useEngine } from '../engine/engine-context.tsx';
import { useFacts } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';

const menuTitles = { file: 'File', edit: 'Selection', view: 'View', run: 'Run', help: 'Help' } as const;
const menus = ['run', 'view', 'file', 'edit', 'help'] as const;

export const CommandPalette = () => {
  const { paletteOpen, openPalette } = useStore(layoutStore);
  return paletteOpen ? (
    <Dialog title="Commands" onClose={() => openPalette(false)}>
      <PaletteList onDone={() => openPalette(false)} />
    </Dialog>
  ) : null;
};

const PaletteList = ({ onDone }: { readonly onDone: () => void }) => {
  const engine = useEngine();
  const facts = useFacts();
  return (
    <Command label="Commands" className="palette" loop>
      <Command.Input autoFocus placeholder="What do you want to do?" />
      <Command.List>
        <Command.Empty>No command of that name.</Command.Empty>
        {menus.map((menu) => (
          <Command.Group key={menu} heading={menuTitles[menu]}>
            {actions
              .filter((action) => action.menu === menu && action.id !== 'show-palette')
              .map((action) => (
                <Command.Item
                  key={action.id}
                  value={action.label}
                  keywords={[...action.keywords]}
                  disabled={!action.enabled(facts)}
                  onSelect={() => {
                    onDone();
                    void performAction(action, engine);
                  }}
                >
                  <span>{action.label}</span>
                  {action.shortcut !== undefined && <kbd>{showShortcut(action.shortcut, isMac)}</kbd>}
                </Command.Item>
              ))}
          </Command.Group>
        ))}
      </Command.List>
    </Command>
  );
};
