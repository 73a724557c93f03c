applications-title = 应用
applications-note = 应用是一个文件夹：表单、规则、任务模板、台账和通道。用命令 hutong app install 安装，这里看装了什么。
applications-none = 还没有安装应用
applications-none-text = 先用 hutong app check 文件夹 检查，再用 hutong app install 文件夹 安装，例如 examples/elder-visit。
applications-version = { $key } · 版本 { $version } · { $at } 安装
applications-installed = 使用中
applications-retired = 已停用
applications-faulty = 有问题
applications-faults = 有内容和现在的系统对不上
applications-faults-text = 请改好文件夹后重新安装；已在用的内容不受影响。
applications-objects = { $title }里有什么
applications-object = 内容
applications-kind = 种类
applications-key = 键
applications-kind-forms = 表单
applications-kind-rules = 规则
applications-kind-ledgers = 台账
applications-kind-tasks = 任务模板
applications-kind-channels = 通道
applications-kind-boards = 看板
applications-kind-cases = 例子
applications-retire = 停用这个应用
applications-retire-text = 表单、台账和模板不再供选用，通道关闭。正在办的任务和办件照常办完，数据都保留；重新安装就会恢复。
applications-retire-do = 停用“{ $title }”
applications-retired-toast = 已停用，数据都保留
applications-fault =
    { $en ->
       *[other] { $zh }
    }
applications-conflict-no-organization = 还没有机构，通道不知道归谁。请先导入通讯录，再安装应用。
