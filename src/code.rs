//! Every way the server says no, as one table.
//!
//! A row fixes the HTTP status, the socket close code if the refusal ends the socket, whether trying again can
//! help, and the sentence a person sees in English and Chinese. Everything else (problem documents, `error`
//! frames, close frames, the table in the documentation) is derived from it.

use serde::{Serialize, Serializer};

macro_rules! error_codes {
    ($($name:ident $text:literal $status:literal $close:tt $retry:ident $en:literal $zh:literal;)*) => {
        /// The stable name of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {$(
            #[doc = $en]
            $name,
        )*}

        impl ErrorCode {
            /// All codes, in table order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name),*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// The HTTP status of a response that carries it.
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)* }
            }

            /// The close code, for refusals that end a socket (4000–4499: reconnect, 4500–4999: do not).
            pub const fn close(self) -> Option<u16> {
                match self { $(ErrorCode::$name => error_codes!(@close $close),)* }
            }

            /// Whether the same request may succeed later.
            pub const fn is_retryable(self) -> bool {
                match self { $(ErrorCode::$name => error_codes!(@retry $retry),)* }
            }

            /// The sentence for people, in English.
            pub const fn english(self) -> &'static str {
                match self { $(ErrorCode::$name => $en,)* }
            }

            /// The sentence for people, in Chinese.
            pub const fn chinese(self) -> &'static str {
                match self { $(ErrorCode::$name => $zh,)* }
            }
        }
    };
    (@close -) => { None };
    (@close $code:literal) => { Some($code) };
    (@retry later) => { true };
    (@retry never) => { false };
}

error_codes! {
    BadFrame "bad_frame" 400 - never "The message could not be read." "无法读取这条消息。";
    UnknownFrame "unknown_frame" 400 - never "This kind of message is not known here." "不支持这种类型的消息。";
    BadRequest "bad_request" 400 - never "The request is not valid." "请求无效。";
    BinaryRefused "binary_refused" 400 1003 never "Only text is accepted here." "这里只接受文本。";
    Fragmented "fragmented" 400 1003 never "Messages must come in one piece." "消息必须一次完整发送。";
    InvalidUtf8 "invalid_utf8" 400 1007 never "The text is not valid UTF-8." "文本不是有效的 UTF-8 编码。";
    Oversize "oversize" 413 1009 never "The message is too large." "消息过大。";
    TooLong "too_long" 413 - never "The text is too long." "文本过长。";
    EmptyText "empty_text" 400 - never "There is no text to send." "没有可以发送的文字。";
    TicketInvalid "ticket_invalid" 401 4401 later "The connection ticket has expired or was already used." "连接凭证已过期或已被使用。";
    OriginRefused "origin_refused" 403 - never "This site may not use this chat." "此网站无权使用该聊天窗口。";
    Unauthorized "unauthorized" 401 - never "A valid API key is needed." "需要有效的 API 密钥。";
    NotFound "not_found" 404 - never "There is nothing here." "这里没有内容。";
    ConsentRequired "consent_required" 403 - never "Your consent is needed before this can be answered." "回答之前需要您的同意。";
    PolicyOutdated "policy_outdated" 409 - never "The privacy notice has changed; please read the current one." "隐私告知已更新，请阅读最新版本。";
    AgeRequired "age_required" 403 - never "Please tell us your age group first." "请先选择您的年龄段。";
    AgeRestricted "age_restricted" 403 4500 never "This service is not offered to people under 16." "本服务不面向 16 岁以下人士。";
    AgeAnswered "age_answered" 409 - never "The age question has been answered already." "年龄问题已经回答过了。";
    Restricted "restricted" 403 - never "The use of your data is restricted, as you asked." "已按您的要求限制处理您的数据。";
    RateLimited "rate_limited" 429 - later "That was too fast; please wait a moment." "发送太快了，请稍等片刻。";
    Abuse "abuse" 429 4429 later "Too many messages; the connection was closed." "消息过多，连接已关闭。";
    Busy "busy" 429 - later "Still working on your earlier messages; please wait." "正在处理您之前的消息，请稍候。";
    Unavailable "unavailable" 503 - later "The service cannot save messages right now; nothing was lost." "服务暂时无法保存消息，您的内容没有丢失。";
    Draining "draining" 503 1012 later "The server is restarting; please reconnect." "服务器正在重启，请重新连接。";
    ConversationClosed "conversation_closed" 409 - never "This conversation has ended; a new one can be started." "此对话已结束，可以开始新的对话。";
    Superseded "superseded" 409 4001 never "This conversation was opened in another place." "此对话已在别处打开。";
    SlowConsumer "slow_consumer" 408 4008 later "The connection could not keep up." "连接速度跟不上。";
    Silent "silent" 408 4408 later "The connection went silent." "连接长时间无响应。";
    TenantSuspended "tenant_suspended" 403 4503 never "This chat is not available at the moment." "该聊天服务目前不可用。";
    WidgetPaused "widget_paused" 403 - never "This chat is paused at the moment." "该聊天暂时停用。";
    TenantGone "tenant_gone" 410 4410 later "This chat has been closed down." "该聊天服务已关闭。";
    Erased "erased" 410 4511 never "This conversation has been erased." "此对话已被删除。";
    Unreadable "unreadable" 500 4512 never "This conversation cannot be read; the operator has been told." "此对话无法读取，已通知运营方。";
    UnsupportedFormat "unsupported_format" 415 - never "Send text, Markdown, HTML, PDF or DOCX, and say which it is." "请上传文本、Markdown、HTML、PDF 或 DOCX，并注明格式。";
    DocumentTooLarge "document_too_large" 413 - never "The document is too large, or has too much text." "文档过大或文字过多。";
    DocumentEncrypted "document_encrypted" 422 - never "The document is protected by a password." "文档受密码保护。";
    DocumentUnreadable "document_unreadable" 422 - never "The document could not be read." "无法读取该文档。";
    NoText "no_text" 422 - never "The document holds no text; scanned pages must be recognised first." "文档中没有文字，扫描件请先进行文字识别。";
    LibraryFull "library_full" 409 - never "No more documents fit; remove some first." "文档数量或总字数已达上限，请先删除一些。";
    BudgetReached "budget_reached" 429 - never "The allowance for answers by a model is used up for now; our documents answer." "模型回答的额度暂时用完，先由文档资料回答。";
    UnknownModel "unknown_model" 400 - never "The chain names a model that is not set up, or names one twice." "所选模型未配置或重复。";
    ProviderUnavailable "provider_unavailable" 502 - later "The answer could not be fetched; please try again." "暂时无法获取回答，请重试。";
    Internal "internal" 500 1011 later "Something went wrong on our side." "我们这边出了问题。";
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An error that knows its row of the table.
pub trait Coded: std::error::Error {
    /// The row.
    fn code(&self) -> ErrorCode;
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_a_name_of_its_own_a_real_status_and_a_close_code_in_range() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!((400..600).contains(&code.status()), "{code:?}");
            assert!(code.english().ends_with('.') && code.chinese().ends_with('。'), "{code:?}");
            let reconnects = matches!(code.close(), Some(4000..=4499 | 1012));
            if reconnects && *code != ErrorCode::Superseded {
                assert!(
                    code.is_retryable(),
                    "{code:?} asks to reconnect but says that it is useless"
                );
            }
            assert!(
                code.close().is_none_or(
                    |close| (1000..1015).contains(&close) || (4000..5000).contains(&close)
                )
            );
        }
    }
}
