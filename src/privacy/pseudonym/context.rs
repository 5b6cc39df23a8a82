//! What the words directly before a number say it is. Only words that touch the number count, with nothing between but
//! spaces, a colon and words such as "number is": a keyword further off says nothing certain, and what stands between could
//! itself be replaced, so that a second look would see another context.

/// What a number is announced as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Phone,
    Card,
    Id,
    Passport,
    Address,
    /// A number of a thing: an order, a parcel, a price, a version.
    Thing,
}

/// How far back is looked, in bytes; far enough for the longest keyword with two words between.
const REACH: usize = 64;

/// Words that may stand between a keyword and its number. Not formatted: a word a line would be a file of words.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "是", "为", "号", "号码", "填", "填的", "写的", "我的", "改成", "换成", "no", "no.", "nr",
    "nr.", "num", "number", "is", "was", "at", "on", "me", "us", "my", "to", "it", "the", "s",
    "'s", "’s", "=", "i", "entered", "used", "gave", "typed",
];

/// Words that say what the number after them is.
#[rustfmt::skip]
const KEYWORDS: &[(Topic, &[&str])] = &[
    (Topic::Phone, &[
        "电话", "手机", "座机", "固话", "联系方式", "致电", "拨打", "回电", "传真", "来电", "短信",
        "打给我", "phone", "telephone", "tel", "tel.", "mobile", "cell", "cellphone", "call",
        "contact", "whatsapp", "fax", "reach", "text", "callback", "landline", "my number",
        "new number", "his number", "her number", "best number", "我的号码", "新号码", "旧号码",
    ]),
    (Topic::Card, &[
        "卡号", "银行卡", "信用卡", "借记卡", "储蓄卡", "储蓄账户", "银行账号", "card", "visa",
        "mastercard", "amex", "unionpay", "credit", "debit", "account",
    ]),
    (Topic::Id, &[
        "身份证", "身份证件", "证件", "居民身份", "id", "identity", "identity card", "id card",
    ]),
    (Topic::Passport, &[
        "护照", "通行证", "台胞证", "passport", "passport id", "travel document", "travel permit",
    ]),
    (Topic::Address, &[
        "ip", "ip地址", "ip address", "ipv4", "地址", "address", "host", "dns", "gateway", "网关",
    ]),
    (Topic::Thing, &[
        "订单", "单", "单号", "运单", "快递", "快递单", "物流", "流水", "交易", "编号", "编码",
        "货号", "商品", "型号", "序列", "条码", "条形码", "发票", "税号", "工单", "会员卡",
        "会员卡号", "积分", "版本", "固件", "批次", "批号", "券码", "优惠码", "兑换码", "验证码",
        "取件码", "礼品卡", "礼品卡号", "购物卡号", "储值卡号", "会员编号", "合同", "保单",
        "设备", "金额", "总价", "价格", "共", "工号", "章节", "第", "书号", "统一社会信用代码",
        "代码", "订单id", "商品id", "order", "orders", "order id", "tracking", "tracking id",
        "invoice", "sku", "isbn", "issn", "imei", "serial", "s/n", "sn", "ref", "ref.",
        "reference", "ticket", "ticket id", "case", "case id", "transaction", "transaction id",
        "payment id", "batch", "lot", "model", "item", "item id", "product", "product id", "part",
        "barcode", "ean", "upc", "gtin", "code", "coupon", "voucher", "version", "build",
        "firmware", "release", "revision", "gift card", "loyalty card", "membership card",
        "member card", "member id", "membership", "user id", "device id", "session id",
        "contract", "policy", "waybill", "parcel", "shipment", "package", "receipt",
        "confirmation", "booking", "booking id", "reservation", "section", "chapter", "clause",
        "gift card no", "update", "upgrade", "v", "ver", "ver.", "tax", "vat", "pin", "otp",
        "android", "ios", "安卓", "系统", "鸿蒙", "?id", "&id",
    ]),
];

/// The topic of what begins at byte `at` of `text`.
pub(super) fn before(text: &str, at: usize) -> Option<Topic> {
    let mut from = at.saturating_sub(REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    // Most numbers have another number or a sign before them, and are done with here.
    let window = trim(text.get(from..at)?);
    if !window.ends_with(|last: char| last.is_alphabetic() || matches!(last, '.' | '=' | '4')) {
        return None;
    }
    let window = window.to_lowercase();
    let mut rest = window.as_str();
    // Each round takes a filler away, so the window's length bounds the rounds.
    loop {
        if let Some(topic) = keyword(rest) {
            return Some(topic);
        }
        let filler = longest(rest, FILLERS)?;
        rest = trim(rest.get(..rest.len() - filler)?);
    }
}

fn trim(text: &str) -> &str {
    let is_between = |character: char| {
        character.is_whitespace()
            || matches!(
                character,
                ':' | '：' | '#' | '＃' | '-' | '—' | '*' | '(' | '（' | '"' | '“' | '`' | '「'
            )
    };
    text.trim_end_matches(is_between)
}

fn keyword(text: &str) -> Option<Topic> {
    let matches =
        KEYWORDS.iter().filter_map(|(topic, words)| Some((longest(text, words)?, *topic)));
    matches.max_by_key(|(length, _)| *length).map(|(_, topic)| topic)
}

/// The length of the longest of `words` that `text` ends with as a word.
fn longest(text: &str, words: &[&str]) -> Option<usize> {
    let ends = |word: &&&str| {
        text.strip_suffix(**word).is_some_and(|head| {
            let is_latin = word.starts_with(|letter: char| letter.is_ascii_alphanumeric());
            !is_latin || !head.ends_with(|letter: char| super::glyphs::is_word_char(letter))
        })
    };
    words.iter().filter(ends).map(|word| word.len()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Option<Topic> {
        before(text, text.len())
    }

    #[test]
    fn the_nearest_keyword_decides_and_the_longest_one_at_that() {
        assert_eq!(topic("订单号："), Some(Topic::Thing));
        assert_eq!(topic("下单的手机号是 "), Some(Topic::Phone));
        assert_eq!(topic("会员卡号 "), Some(Topic::Thing));
        assert_eq!(topic("银行卡号："), Some(Topic::Card));
        assert_eq!(topic("My order number is #"), Some(Topic::Thing));
        assert_eq!(topic("Order phone: "), Some(Topic::Phone));
        assert_eq!(topic("passport no. "), Some(Topic::Passport));
        assert_eq!(topic("gift card "), Some(Topic::Thing));
    }

    #[test]
    fn what_does_not_touch_the_number_says_nothing() {
        for text in ["", "the border ", "my order. ", "订单，", "iphone ", "phone [EMAIL_1] "] {
            assert_eq!(topic(text), None, "{text}");
        }
    }
}
