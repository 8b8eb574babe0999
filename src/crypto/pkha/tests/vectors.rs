//! Raw RSA with published keys and numbers.

/// One key, one message and its encryption, in hexadecimal. Names as in RFC 8017.
#[derive(Debug)]
pub(super) struct Vector {
    pub n: &'static str,
    pub e: &'static str,
    pub d: &'static str,
    pub p: &'static str,
    pub q: &'static str,
    pub dp: &'static str,
    pub dq: &'static str,
    pub c: &'static str,
    pub message: &'static str,
    pub ciphertext: &'static str,
}

pub(super) const RSA: &[Vector] = &[
    // 512 bits, with a message much shorter than the modulus: what the kernel's self-test encrypts.
    Vector {
        n: "
            aa36abce88acfdff55523c7fc4523f90 efa00df3774a259f2e62b4c5d99cb5ad
            b300a0285e5301930e0c70fb6876939c e616ce624a11e0086d341ebcaca0a1f5",
        e: "11",
        d: "
            0a033748626487695f5f30bc38b98b44 c2cd2dff434098cd20d8a138d090bf64
            797c3fa7a2cdcb3cd1e0bdba2654b4f9 df8e8ae59d733d9f33b301624afd1d51",
        p: "d840b41666b42e92ea0da3b43204b5cfce3352524d0416a5a441e700af46120d",
        q: "c97fb1f027f453f6341233eaaad1d9353f6c42d08866b1d05a0f2035028b9d89",
        dp: "590b9572a2c2a9c406059dc2ab2f1dafeb7e8b4f10a7549e8eedf5b4fce09e05",
        dq: "8e3c0521fe15e0ea06a36ff0f10c9952c35b7a7514fd3238b80aad5298628d51",
        c: "363ff7189da8e90b1d341f71d09b76a8a943e11d10b24d249f2deafef80c1826",
        message: "54859b342c49ea2a",
        ciphertext: "
            631ccd7be17ee4dec9a889a174cb3c63 7d24ec83c315e47f730534d1ec22bb8a
            5e32396dc11d7d503b9f7aadf02e2553 9f6ebd4c55840c9bcf1a4b511e9e0c06",
    },
    // 1024 bits: the encoded message and ciphertext of the RSAES-OAEP example that RSA Laboratories
    // published with PKCS #1 v2.1.
    Vector {
        n: "
            bbf82f090682ce9c2338ac2b9da871f7 368d07eed41043a440d6b6f07454f51f
            b8dfbaaf035c02ab61ea48ceeb6fcd48 76ed520d60e1ec4619719d8a5b8b807f
            afb8e0a3dfc737723ee6b4b7d93a2584 ee6a649d060953748834b2454598394e
            e0aab12d7b61a51f527a9a41f6c1687f e2537298ca2a8f5946f8e5fd091dbdcb",
        e: "11",
        d: "
            a5dafc5341faf289c4b988db30c1cdf8 3f31251e0668b42784813801579641b2
            9410b3c7998d6bc465745e5c392669d6 870da2c082a939e37fdcb82ec93edac9
            7ff3ad5950accfbc111c76f1a9529444 e56aaf68c56c092cd38dc3bef5d20a93
            9926ed4f74a13eddfbe1a1cecc4894af 9428c2b7b8883fe4463a4bc85b1cb3c1",
        p: "
            eecfae81b1b9b3c908810b10a1b56001 99eb9f44aef4fda493b81a9e3d84f632
            124ef0236e5d1e3b7e28fae7aa040a2d 5b252176459d1f397541ba2a58fb6599",
        q: "
            c97fb1f027f453f6341233eaaad1d935 3f6c42d08866b1d05a0f2035028b9d86
            9840b41666b42e92ea0da3b43204b5cf ce3352524d0416a5a441e700af461503",
        dp: "
            54494ca63eba0337e4e24023fcd69a5a eb07dddc0183a4d0ac9b54b051f2b13e
            d9490975eab77414ff59c1f7692e9a2e 202b38fc910a474174adc93c1f67c981",
        dq: "
            471e0290ff0af0750351b7f878864ca9 61adbd3a8a7e991c5c0556a94c3146a7
            f9803f8f6f8ae342e931fd8ae47a220d 1b99a495849807fe39f9245a9836da3d",
        c: "
            b06c4fdabb6301198d265bdbae9423b3 80f271f73453885093077fcd39e2119f
            c98632154f5883b167a967bf402b4e9e 2e0f9656e698ea3666edfb25798039f7",
        message: "
            00eb7a19ace9e3006350e329504b45e2 ca82310b26dcd87d5c68f1eea8f55267
            c31b2e8bb4251f84d7e0b2c04626f5af f93edcfb25c9c2b3ff8ae10e839a2ddb
            4cdcfe4ff47728b4a1b7c1362baad29a b48d2869d5024121435811591be392f9
            82fb3e87d095aeb40448db972f3ac14f 7bc275195281ce32d2f1b76d4d353e2d",
        ciphertext: "
            1253e04dc0a5397bb44a7ab87e9bf2a0 39a33d1e996fc82a94ccd30074c95df7
            63722017069e5268da5d1c0b4f872cf6 53c11df82314a67968dfeae28def04bb
            6d84b1c31d654a1970e5783bd6eb96a0 24c2ca2f4a90fe9f2ef5c9c140e5bb48
            da9536ad8700c84fc9130adea74e558d 51a74ddf85d8b50de96838d6063e0955",
    },
];
