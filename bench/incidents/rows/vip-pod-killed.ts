import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'vip-pod-killed',
  title: 'Pods behind one address are killed',
  what: 'One instance is a virtual IP in front of four pods. A response takes 60 ms. At 2 s and at 4 s a pod is killed, and all its connections break at once. New connections go to the other pods.',
  servers: 1,
  behaviour: { delay: 60, pods: 4 },
  duration: 7000,
  rate: 250,
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[0]!.order({ do: 'kill-pod', pod: 0 }) },
    { at: 4000, run: ({ servers }) => servers[0]!.order({ do: 'kill-pod', pod: 1 }) },
  ],
  over: 4000,
  alone: true,
}
