import { useStore } from 'zustand';
import { IconButton } from '../components/button.tsx';
import { Icon } from '../components/icon.tsx';
import { noticesStore } from '../state/notices-store.ts';

export const Notices = () => {
  const { notices, dismiss } = useStore(noticesStore);
  return (
    <div className="notices" role="log" aria-live="assertive" aria-label="Messages">
      {notices.map((notice) => (
        <div key={notice.id} className={`notice notice-${notice.kind}`}>
          <Icon name={notice.kind === 'error' ? 'warning' : 'check'} size={16} />
          <div>
            <p>{notice.message}</p>
            {notice.remedy !== '' && <p className="notice-remedy">{notice.remedy}</p>}
          </div>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
};
