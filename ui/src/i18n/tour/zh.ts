import type { tour as english } from './en';

export const tour: Record<keyof typeof english, string> = {
  tour: '导览',
  'tour.page': '示例的页面',
  'tour.offer': '初识 Kubernetes？用这里运行的内容做六站简短导览。',
  'tour.start': '开始导览',
  'tour.next': '下一站',
  'tour.back': '上一站',
  'tour.end': '结束导览',
  'tour.here': '这里正在运行：',
  'tour.nothing': '暂无',
  'tour.list': '全部',
  'tour.pod': 'Pod：运行的单元',
  'tour.pod.text': 'Pod 是一个或多个同生共死的容器。它们共享地址，也可共享文件。它是 Kubernetes 放到节点上的最小单位。',
  'tour.pod.try': '试一试：删除一个 Pod，看另一个如何接替。',
  'tour.replicaset': 'ReplicaSet：多少个',
  'tour.replicaset.text': 'ReplicaSet 维持一定数量的相同 Pod。少了就补，多了就减。',
  'tour.replicaset.try': '试一试：打开一个，查看属于它的 Pod。',
  'tour.deployment': 'Deployment：哪个版本',
  'tour.deployment.text': 'Deployment 无间断地切换版本：新的 ReplicaSet 增长，旧的缩减。它记住旧版本，方便回退。',
  'tour.deployment.try': '试一试：伸缩一个，或重启它并观察发布过程。',
  'tour.service': 'Service：统一的地址',
  'tour.service.text': 'Pod 来来去去，Service 是不变的地址。它在 DNS 中有名字，并把连接交给就绪的 Pod。',
  'tour.service.try': '试一试：打开一个，看看谁在背后响应。',
  'tour.configmap': 'ConfigMap：配置',
  'tour.configmap.text':
    'ConfigMap 把配置与镜像分开。挂载到 Pod 中就是一个文件夹；在这里，修改会立即到达运行中的容器。',
  'tour.configmap.try': '试一试：修改问候语并刷新示例页面。',
  'tour.volume': '卷：持久的数据',
  'tour.volume.text':
    '容器的文件随容器消失。卷比容器活得更久：示例的每个 front Pod 都有一个名为 pictures 的卷，由它的两个容器共享。声明申请的存储比 Pod 活得更久；集群将其绑定到至少同样大小的卷。',
  'tour.volume.try': '试一试：创建一个声明，看看得到哪个卷。',
};
