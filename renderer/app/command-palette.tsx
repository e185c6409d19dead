import { Command } from 'cmdk';
import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { Dialog } from '../components/dialog.tsx';
import { useEngine } from '../engine/engine-context.tsx';
import { useFacts } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';
import { groupsOf, isDestination, type PaletteItem, paletteItems, rankedItems } from './palette-items.ts';
import { actions } from './views.tsx';

export const CommandPalette = () => {
  const paletteOpen = useStore(layoutStore, (state) => state.paletteOpen);
  const close = (): void => layoutStore.setState({ paletteOpen: false });
  return paletteOpen ? (
    <Dialog title="Commands" onClose={close}>
      <PaletteList onDone={close} />
    </Dialog>
  ) : null;
};

/** Adds the id, because labels need not be unique. */
const valueOf = ({ label, id }: PaletteItem): string => `${label} ${id}`;

const PaletteList = ({ onDone }: { readonly onDone: () => void }) => {
  const engine = useEngine();
  const facts = useFacts();
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState('');
  const itemsFor = (text: string) => paletteItems(actions, facts, text);
  const items = itemsFor(typed);
  /** Keeps the best match selected while typing, so Enter can follow at once. */
  const search = (text: string): void => {
    const best = rankedItems(itemsFor(text), text).find(({ enabled }) => enabled);
    setTyped(text);
    if (text !== '' && best !== undefined) setActive(valueOf(best));
  };
  const line = (item: PaletteItem, withGroup: boolean) => (
    <PaletteLine
      key={item.id}
      item={item}
      withGroup={withGroup}
      onChoose={() => {
        onDone();
        item.choose(engine, facts);
      }}
    />
  );
  const commands = items.filter((item) => !isDestination(item));
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Show the best match, at the top.
    if (list.current !== null) list.current.scrollTop = 0;
  }, [typed]);
  return (
    <Command label="Commands" className="palette" shouldFilter={false} loop value={active} onValueChange={setActive}>
      <Command.Input
        data-autofocus
        value={typed}
        onValueChange={search}
        placeholder="Do something, or find a model, task, method, run, setting or expert (3:17)"
      />
      <Command.List ref={list} label="Results">
        <Command.Empty>No match.</Command.Empty>
        {/* While searching, results are ranked across groups. */}
        {typed === ''
          ? groupsOf(commands).map((group) => (
              <Command.Group key={group} heading={group}>
                {commands.filter((item) => item.group === group).map((item) => line(item, false))}
              </Command.Group>
            ))
          : rankedItems(items, typed).map((item) => line(item, true))}
      </Command.List>
    </Command>
  );
};

interface PaletteLineProps {
  readonly item: PaletteItem;
  readonly withGroup: boolean;
  readonly onChoose: () => void;
}

const PaletteLine = ({ item, withGroup, onChoose }: PaletteLineProps) => {
  const shortcut = item.action?.shortcut;
  return (
    <Command.Item value={valueOf(item)} disabled={!item.enabled} onSelect={onChoose}>
      <span>{item.label}</span>
      <span className="palette-end">
        {withGroup && <span className="muted">{item.group}</span>}
        {shortcut !== undefined && <kbd>{showShortcut(shortcut, isMac)}</kbd>}
      </span>
    </Command.Item>
  );
};
