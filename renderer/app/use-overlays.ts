import { useEffect } from 'react';
import { layoutStore, NARROW_PX, ROOMY_PX } from '../state/layout-store.ts';

/**
 * Watches the width below which a panel covers the view (layout.css) and closes the panel when the window gets
 * narrower.
 */
const followed = (
  widest: number,
  isOpen: () => boolean,
  toggle: () => void,
  setOverlaid: (isOverlaid: boolean) => void,
): (() => void) => {
  const query = window.matchMedia(`(max-width: ${widest}px)`);
  let wasOpen = false;
  const onChange = (): void => {
    const { matches } = query;
    setOverlaid(matches);
    if (matches) wasOpen = isOpen();
    if (wasOpen && matches === isOpen()) toggle();
  };
  setOverlaid(query.matches);
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
};

/**
 * Closes a side panel when the window becomes too narrow to show it beside the view (also by zooming), and reopens it
 * when there is room again.
 */
export const useOverlays = (): void => {
  useEffect(() => {
    const state = layoutStore.getState;
    const { toggleSidebar, toggleInspector, overlay } = state();
    const stops = [
      followed(
        NARROW_PX,
        () => state().sidebarOpen,
        toggleSidebar,
        (sidebar) => overlay({ sidebar }),
      ),
      followed(
        ROOMY_PX,
        () => state().inspectorOpen,
        toggleInspector,
        (inspector) => overlay({ inspector }),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
};
