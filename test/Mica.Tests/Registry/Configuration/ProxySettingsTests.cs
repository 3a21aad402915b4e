using System.Net;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class ProxySettingsTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("", " ")]
    public void ToWebProxy_NothingSet_IsNull(string? http, string? https) =>
        Assert.Null(new ProxySettings { HttpProxy = http, HttpsProxy = https, NoProxy = "*" }.ToWebProxy());

    [Theory]
    [InlineData("http://proxy:3128", "http://proxy:3128/")]
    [InlineData("proxy:3128", "http://proxy:3128/")]
    [InlineData(" https://proxy ", "https://proxy/")]
    [InlineData("socks5://proxy:1080", "socks5://proxy:1080/")]
    [InlineData("socks5h://proxy:1080", "socks5://proxy:1080/")]
    [InlineData("http://[::1]:3128", "http://[::1]:3128/")]
    public void GetProxy_FormsOfAnAddress_AreRead(string text, string expected) =>
        Assert.Equal(new Uri(expected), new ProxySettings { HttpsProxy = text }.ToWebProxy()!.GetProxy(new Uri("https://r.example/v2/")));

    [Fact]
    public void GetProxy_EachScheme_HasItsOwn()
    {
        IWebProxy proxy = new ProxySettings { HttpProxy = "http://a:1", HttpsProxy = "http://b:2" }.ToWebProxy()!;
        IWebProxy onlyHttps = new ProxySettings { HttpsProxy = "http://b:2" }.ToWebProxy()!;

        Assert.Equal(new Uri("http://a:1"), proxy.GetProxy(new Uri("http://r.example")));
        Assert.Equal(new Uri("http://b:2"), proxy.GetProxy(new Uri("https://r.example")));
        Assert.True(onlyHttps.IsBypassed(new Uri("http://r.example")));
        Assert.Null(onlyHttps.GetProxy(new Uri("http://r.example")));
    }

    [Theory]
    [InlineData("", "https://r.example", false)]
    [InlineData("", "http://localhost:5000", true)]
    [InlineData("", "http://127.9.9.9", true)]
    [InlineData("", "http://[::1]:5000", true)]
    [InlineData("*", "https://r.example", true)]
    [InlineData("a, * ,b", "https://r.example", true)]
    [InlineData("example", "https://r.example", true)]
    [InlineData("r.example", "https://r.example", true)]
    [InlineData("R.EXAMPLE", "https://r.Example.", true)]
    [InlineData("r.example", "https://a.b.r.example", true)]
    [InlineData("r.example", "https://xr.example", false)]
    [InlineData(".r.example", "https://r.example", false)]
    [InlineData(".r.example", "https://a.r.example", true)]
    [InlineData("*.r.example", "https://r.example", false)]
    [InlineData("*.r.example", "https://a.r.example", true)]
    [InlineData("r.example:443", "https://r.example", true)]
    [InlineData("r.example:5000", "https://r.example", false)]
    [InlineData("r.example:5000", "https://a.r.example:5000", true)]
    [InlineData("r.example", "https://r.example:5000", true)]
    [InlineData("10.0.0.1", "http://10.0.0.1", true)]
    [InlineData("10.0.0.1:80", "http://10.0.0.1", true)]
    [InlineData("10.0.0.1:81", "http://10.0.0.1", false)]
    [InlineData("10.0.0.1", "http://10.0.0.10", false)]
    [InlineData("0.0.1", "http://10.0.0.1", false)]
    [InlineData("10.0.0.0/8", "http://10.200.3.4:5000", true)]
    [InlineData("10.1.2.3/8", "http://10.200.3.4:5000", true)]
    [InlineData("10.0.0.0/8", "http://11.0.0.1", false)]
    [InlineData("10.0.0.0/8", "http://10.r.example", false)]
    [InlineData("192.168.5.128/25", "http://192.168.5.127", false)]
    [InlineData("192.168.5.128/25", "http://192.168.5.129", true)]
    [InlineData("0.0.0.0/0", "http://1.2.3.4", true)]
    [InlineData("0.0.0.0/0", "http://[fd00::1]", false)]
    [InlineData("fd00::/8", "http://[fd12::1]:5000", true)]
    [InlineData("fd00::1", "http://[fd00::1]:5000", true)]
    [InlineData("[fd00::1]:5000", "http://[fd00::1]:5000", true)]
    [InlineData("[fd00::1]:5001", "http://[fd00::1]:5000", false)]
    [InlineData("10.0.0.0/8", "http://[::ffff:10.0.0.1]", true)]
    [InlineData("10.0.0.1 r.example", "http://r.example", true)]
    [InlineData("10.0.0.0/33", "http://10.0.0.1", false)]
    [InlineData(",.,", "http://r.example", false)]
    public void IsBypassed_NoProxyRules_Match(string rules, string destination, bool expected)
    {
        IWebProxy proxy = new ProxySettings { HttpProxy = "http://p:1", HttpsProxy = "http://p:1", NoProxy = rules }.ToWebProxy()!;

        Assert.Equal(expected, proxy.IsBypassed(new Uri(destination)));
        Assert.Equal(expected, proxy.GetProxy(new Uri(destination)) is null);
    }

    [Fact]
    public void Credentials_InTheAddress_AreKeptApartFromIt()
    {
        IWebProxy proxy = new ProxySettings { HttpsProxy = "http://us%40er:hunter%3A2@proxy:3128" }.ToWebProxy()!;

        Uri address = proxy.GetProxy(new Uri("https://r.example"))!;
        NetworkCredential? account = proxy.Credentials!.GetCredential(address, "Basic");

        Assert.Equal("http://proxy:3128/", address.ToString());
        Assert.Equal(("us@er", "hunter:2"), (account!.UserName, account.Password));
        Assert.Null(proxy.Credentials.GetCredential(new Uri("http://other:3128"), "Basic"));
    }

    [Fact]
    public void ToString_PasswordInTheAddress_IsNotShown()
    {
        var settings = new ProxySettings { HttpProxy = "http://user:hunter2@proxy:3128", HttpsProxy = "user:hunter2@proxy:3128:x", NoProxy = "a" };

        Assert.Equal("http: http://proxy:3128, https: malformed, direct: a", settings.ToString());
    }

    [Theory]
    [InlineData("ftp://proxy")]
    [InlineData("http://")]
    [InlineData("user:hunter2@proxy:port")]
    [InlineData("http://user:hunter2@proxy:port")]
    public void ToWebProxy_NotAProxy_ThrowsWithoutTheValue(string text)
    {
        var error = Assert.Throws<MicaException>(() => new ProxySettings { HttpsProxy = text }.ToWebProxy());

        Assert.Equal("HTTPS_PROXY is not the address of a proxy: write http://host:port", error.Message);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }
}
