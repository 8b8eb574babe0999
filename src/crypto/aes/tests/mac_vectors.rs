//! CMAC: NIST SP 800-38B, appendix D, and RFC 4493. XCBC-MAC: RFC 3566, section 4.

/// One message and its MAC.
#[derive(Debug)]
pub(super) struct Vector {
    pub key: &'static str,
    pub message: &'static str,
    pub mac: &'static str,
}

const fn vector(key: &'static str, message: &'static str, mac: &'static str) -> Vector {
    Vector { key, message, mac }
}

const KEY_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const KEY_192: &str = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const KEY_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const BYTES_16: &str = "6bc1bee22e409f96e93d7e117393172a";
const BYTES_40: &str = "
    6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411";
const BYTES_64: &str = "
    6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

pub(super) const CMAC: &[Vector] = &[
    vector(KEY_128, "", "bb1d6929e95937287fa37d129b756746"),
    vector(KEY_128, BYTES_16, "070a16b46b4d4144f79bdd9dd04a287c"),
    vector(KEY_128, BYTES_40, "dfa66747de9ae63030ca32611497c827"),
    vector(KEY_128, BYTES_64, "51f0bebf7e3b9d92fc49741779363cfe"),
    vector(KEY_192, "", "d17ddf46adaacde531cac483de7a9367"),
    vector(KEY_192, BYTES_16, "9e99a7bf31e710900662f65e617c5184"),
    vector(KEY_192, BYTES_40, "8a1de5be2eb31aad089a82e6ee908b0e"),
    vector(KEY_192, BYTES_64, "a1d5df0eed790f794d77589659f39a11"),
    vector(KEY_256, "", "028962f61b7bf89efc6b551f4667d983"),
    vector(KEY_256, BYTES_16, "28a7023f452e8f82bd4bf28d8c37c35c"),
    vector(KEY_256, BYTES_40, "aaf3d8f1de5640c232f5b169b9c911e6"),
    vector(KEY_256, BYTES_64, "e1992190549f6ed5696a2c056c315410"),
];

const XCBC_KEY: &str = "000102030405060708090a0b0c0d0e0f";

pub(super) const XCBC: &[Vector] = &[
    vector(XCBC_KEY, "", "75f0251d528ac01c4573dfd584d79f29"),
    vector(XCBC_KEY, "000102", "5b376580ae2f19afe7219ceef172756f"),
    vector(XCBC_KEY, "000102030405060708090a0b0c0d0e0f", "d2a246fa349b68a79998a4394ff7a263"),
    vector(
        XCBC_KEY,
        "000102030405060708090a0b0c0d0e0f10111213",
        "47f51b4564966215b8985c63055ed308",
    ),
    vector(
        XCBC_KEY,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "f54f0ec8d2b9f3d36807734bd5283fd4",
    ),
    vector(
        XCBC_KEY,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021",
        "becbb3bccdb518a30677d5481fb6b4d8",
    ),
];
