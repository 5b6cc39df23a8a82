//! Decides which words carry meaning, and which words of the two languages mean the same.
//!
//! It stands apart because it is data: a new synonym is one line here and no logic elsewhere.

mod stem;

use std::collections::{HashMap, HashSet};

use stem::stem;

/// Each line is one idea: the first word names it, the others are its ways of being said. Both
/// documents and questions are written in these names, so either language can find the other.
const IDEAS: &[&str] = &[
    "retain 保留 保存 留存 留 存 存储 储存 retention keep kept store stored storage",
    "delete 删除 删掉 删 注销 销户 清除 擦除 抹除 deletion erase erasure remove removal wipe",
    "encrypt 加密 encryption cryptographic cryptographically",
    "consent 同意 agree agreement permission",
    "withdraw 撤回 撤销 收回 反悔 withdrawal withdrawn revoke",
    "child 儿童 未成年 未成年人 孩子 小孩 年龄 岁 几岁 children kid minor age teenager",
    "conversation 对话 聊天 聊天记录 会话 交谈 chat dialogue transcript message 消息 留言",
    "account 账户 账号 帐户 帐号",
    "data 数据 信息 资料 information info",
    "personal 个人",
    "right 权利",
    "copy 副本",
    "access 访问 访问权",
    "portability 可携 可携权 导出 带走 portable export download",
    "correct 更正 更正权 改正 纠正 rectify rectification wrong inaccurate 错误 不准确",
    "objection 反对 反对权 object",
    "restrict 限制 restriction limit",
    "cookie 小甜饼",
    "abroad 跨境 国外 境外 海外 出境 国际 国家 overseas international country",
    "transfer 传输 转移 传到 传出 transit transmit",
    "train 训练",
    "model 模型",
    "provider 提供商 供应商 服务商 supplier vendor",
    "third 第三方 party",
    "share 共享 分享",
    "secure 安全 security safe",
    "protect 保护 protection",
    "backup 备份",
    "log 日志",
    "audit 审计",
    "financial 财务 finance invoice 发票",
    "billing 账单 bill",
    "payment 付款 支付 收款 款项 pay paid",
    "ticket 工单",
    "support 支持",
    "waitlist 候补 候补名单 waiting",
    "marketing 营销",
    "unsubscribe 退订",
    "analytics 分析 analyse analyze",
    "anonymous 匿名 匿名化 anonymise anonymize anonymised anonymized",
    "hardware 硬件",
    "destroy 销毁 destruction",
    "restore 恢复 还原 找回 recover recovery undo",
    "mistake 误删 不小心 误操作 accident accidentally",
    "exception 例外",
    "longer 更久 更长",
    "legal 法律 law",
    "lawsuit 诉讼 官司 litigation dispute 争议",
    "change 改 变更 修改 更改 改变 更新 调整 update modify amend adjust",
    "notify 通知 告知 notice inform announce",
    "policy 政策",
    "privacy 隐私",
    "contact 联系 联络 reach",
    "email 邮件 邮箱 电子邮件 mail",
    "officer 数据保护官 保护官 dpo",
    "language 语言",
    "chinese 中文 汉语",
    "english 英文 英语",
    "website 网站 网页 站点 site",
    "embed 嵌入 添加 add",
    "integrate 集成 接入 对接 integration connect",
    "widget 组件",
    "reload 刷新 refresh",
    "disconnect 断线 掉线 断网 断开 断 中断 网络 网 connection offline internet network",
    "lose 丢失 丢掉 lost loss",
    "resume 继续 continue",
    "source 出处 来源 citation cite",
    "answer 回答 答案 回复 reply response",
    "live 实时 streaming stream",
    "person 真人 人工 客服 human people agent operator representative",
    "customer 客户",
    "user 用户 最终用户",
    "key 密钥",
    "period 期限 期 时长",
    "close 关闭 结束 end",
    "long 多久 多长 多长时间 最长 longest",
    "day 天 七天 几天 哪天 哪一天",
    "month 月 个月",
    "year 年 几年",
    "start 开始 算起 起算 计算 begin count",
    "own 归 归属 拥有 所有 owner belong",
    "collect 收集 采集 collection gather",
    "password 密码",
    "login 登录 登陆",
    "sign 签 签署 签订",
    "request 请求 要求",
    "early 提前 earlier advance",
    "server 服务器",
    "america 美国 usa united",
    "europe 欧洲 欧盟 european eea eu",
    "fraud 欺诈 诈骗",
    "addendum 附录 数据处理附录 dpa",
    "expire 到期 过期 expiry",
    "hide 隐藏 hidden",
    "stage 阶段 步骤 step",
    "method 方法 方式",
    "choose 选择 选用 挑选 choice chosen pick",
    "use 使用 used using usage",
    "google 谷歌",
    "staff 员工 人员 employee",
    "see 看到 查看 看 view",
    "word 字 逐字",
    "bot 机器人 聊天机器人 chatbot",
    "install 安装 下载",
    "promise 保证 承诺 guarantee",
    "software 软件 应用 app",
    "talk 说话 speak",
    "prevent 防止 防范 阻止",
    "question 问题 疑问",
    "system 系统",
    "return 退货 退换货 退款 refund",
    "invent 编造 胡编 瞎编 乱编",
    "remain 剩下 残留 left",
    "record 记录",
];

/// Words that questions and sentences need and answers do not.
const STOP_WORDS: &str = "a an the and or but if so of to in on at by for from with without as is \
    are am was were be been being do does did done doing have has had having can could will would \
    shall should may might must i me my mine we us our you your yours he she they them their it its \
    this that these those there here what which who whom whose when where why how any some all \
    every each no not than then too very just also into about out up over again please tell know \
    want need like get got let happen happens exactly nobody somebody someone \
    anyone anybody everybody everyone anything something everything nothing time back still soon now drop real single ask company companies under write writes written wrote offer last thing work much many more most other such both s t re ve \
    ll m d yes hello hi hey thanks thank \
    的 了 吗 呢 吧 啊 呀 么 我 你 您 他 她 它 我们 你们 您们 他们 它们 是 在 有 和 与 或 及 跟 同 会 能 \
    可以 可 能否 能不能 可不可以 是否 请 请问 什么 怎么 怎么办 怎样 如何 哪些 哪 哪个 哪里 哪儿 哪家 为什么 \
    为何 这 那 这个 那个 这些 那些 一个 就 也 都 还 还是 还会 还能 把 被 给 到 从 对 里 里面 中 上 下 后 \
    之后 以后 前 之前 时 时候 不 没有 没 有没有 会不会 是不是 要 想 想要 知道 告诉 一下 个 多少 谁 几 之 其 \
    于 等 所 以 并 而 但 如果 关于 做 用 来 去 得 地 着 过 让 为 因为 由 向 又 再 很 吗 些 各 每 某 及其 以及 \
    的话 到底 究竟 需要 应该 发生 时间 拿到 获取 得到 情况 \
    一天 一次 公司 边 除了 填 还有 不能 是从 转 出来 回事 怎么回事 找 你好 您好 谢谢 请帮 帮 帮我 想问 问 那么 只 才 又是 已经 正在 一直 自己";

/// The meaning-bearing words, ready to be looked up.
#[derive(Debug)]
pub(super) struct Vocabulary {
    ideas: HashMap<String, &'static str>,
    stop_words: HashSet<&'static str>,
}

impl Vocabulary {
    /// Reads the tables above.
    pub(super) fn new() -> Self {
        let named = |line: &'static &'static str| {
            let name = line.split(' ').next().unwrap_or(line);
            line.split(' ').map(move |word| (word, name))
        };
        let mut ideas: HashMap<String, &'static str> =
            IDEAS.iter().flat_map(named).map(|(word, name)| (word.to_owned(), name)).collect();
        for (word, name) in IDEAS.iter().flat_map(named) {
            ideas.entry(stem(word)).or_insert(name);
        }
        Self { ideas, stop_words: STOP_WORDS.split_whitespace().collect() }
    }

    /// The term a word stands for in index and question, or none if it carries no meaning.
    pub(super) fn term(&self, word: &str) -> Option<String> {
        if self.stop_words.contains(word) {
            return None;
        }
        // The word as written comes first: "connection" and "connect" share a stem, not a meaning.
        let stemmed = stem(word);
        let idea = self.ideas.get(word).or_else(|| self.ideas.get(&stemmed));
        Some(idea.map_or(stemmed, |name| (*name).to_owned()))
    }

    /// Whether a word stands in one of the tables, so that its parts say nothing more.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.stop_words.contains(word) || self.ideas.contains_key(word)
    }

    /// Every Chinese word of the tables, which the segmenter must not cut apart.
    pub(super) fn chinese_words() -> impl Iterator<Item = &'static str> {
        IDEAS.iter().flat_map(|line| line.split(' ')).filter(|word| !word.is_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_belongs_to_two_ideas() {
        let mut seen = HashSet::new();
        for word in IDEAS.iter().flat_map(|line| line.split(' ')) {
            assert!(seen.insert(word), "{word} occurs twice");
        }
    }

    #[test]
    fn both_languages_reach_the_same_term() {
        let vocabulary = Vocabulary::new();
        for (chinese, english) in
            [("保留", "retention"), ("删除", "erase"), ("儿童", "children"), ("撤回", "withdrawal")]
        {
            assert_eq!(vocabulary.term(chinese), vocabulary.term(english));
        }
        assert_eq!(vocabulary.term("the"), None);
        assert_eq!(vocabulary.term("什么"), None);
    }
}
