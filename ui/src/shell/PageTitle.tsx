import { useEffect } from 'react';
import { useClusterName } from './paths';

/** The page's heading, which also names its tab or window, and its place in the history of the browser. */
export function PageTitle({ children, className }: { children: string; className?: string }) {
  const cluster = useClusterName();
  useEffect(() => {
    document.title = [...new Set([children, cluster, 'devcluster'])].filter(Boolean).join(' · ');
  }, [children, cluster]);
  return <h1 className={className}>{children}</h1>;
}
