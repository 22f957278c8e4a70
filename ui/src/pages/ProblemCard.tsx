import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { whyPod } from '../api/agent';
import type { Problem } from '../api/contract';
import { Button, HealthMark } from '../components/parts';
import { useI18n } from '../i18n';
import { useCluster } from '../shell/cluster';
import { useLinks } from '../shell/paths';
import { useRemedy } from './useRemedy';

/** Of more nodes than this the sum says enough. */
const MOST_NODES = 20;

interface Props {
  problem: Problem;
  /** Where it is the same. */
  others?: Problem[];
  /** Whether it stands on the page of what it is about. */
  own?: boolean;
}

/** One thing that is wrong: in words, with what shows it, and the button that mends it. */
export function ProblemCard({ problem, others = [], own = false }: Props) {
  const { t, tn, say, reason } = useI18n();
  const links = useLinks();
  const mend = useRemedy();
  const { kind, namespace, name, evidence, remedy } = problem;
  const why = say(problem.why);
  const homeless = problem.why.code === 'why.pod.fits-nowhere';
  // What the heading says already is no news, nor is a part of a longer line.
  const facts = evidence.filter((fact) => !why.includes(fact) && !evidence.some((e) => e !== fact && e.includes(fact)));
  return (
    <li className="card problem">
      <div className="grow">
        <h3>
          <HealthMark health="bad" />
          <span>{why}</span>
        </h3>
        {!own && (
          <p className="soft">
            {kind}{' '}
            <Link href={links.object(problem)}>
              {namespace && `${namespace}/`}
              {name}
            </Link>
          </p>
        )}
        {others.length > 0 && (
          <details>
            <summary>{tn('problems.alike', others.length)}</summary>
            <ul className="evidence">
              {others.map((other) => (
                <li key={other.uid}>
                  <Link href={links.object(other)}>{other.name}</Link>
                </li>
              ))}
            </ul>
          </details>
        )}
        {homeless && <NodeByNode problem={problem} />}
        {facts.length > 0 && (
          // What the scheduler has summed up stands above, node by node.
          <details open={!homeless}>
            <summary>{t('evidence')}</summary>
            <ul className="evidence">
              {facts.map((fact) => (
                <li key={fact}>{reason(fact)}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
      {remedy && (
        <Button look="primary" onClick={() => mend(problem, remedy)}>
          {say(remedy.label)}
        </Button>
      )}
    </li>
  );
}

/** What each node has against a pod that has no place; asked again when the scheduler says something else. */
function NodeByNode({ problem: { namespace, name, why } }: { problem: Problem }) {
  const { t, reason } = useI18n();
  const { name: cluster } = useCluster();
  const [nodes, setNodes] = useState<{ node: string; reasons: string[] }[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is another reason.
  useEffect(() => {
    let current = true;
    whyPod(cluster, namespace, name).then(
      (found) => current && setNodes(found.nodes),
      // The line above has the sum of it.
      () => current && setNodes([]),
    );
    return () => {
      current = false;
    };
  }, [cluster, namespace, name, why.text]);
  if (nodes.length === 0) return null;
  return (
    <table className="plain by-node">
      <thead>
        <tr>
          <th scope="col">{t('why.node')}</th>
          <th scope="col">{t('why.not')}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.slice(0, MOST_NODES).map(({ node, reasons }) => (
          <tr key={node}>
            <td>{node}</td>
            <td className="wrap">{reasons.map(reason).join('; ') || t('why.nothing')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
