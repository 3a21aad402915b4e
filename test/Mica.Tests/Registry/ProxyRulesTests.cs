using System.Net;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry;

public sealed class ProxyRulesTests
{
    private static readonly ProxyRules s_rules = new(
        "proxy:3128", "http://alice:p%40ss@secure-proxy:3129", "example.com, .inner.test,10.0.0.0/8,192.168.1.7,other.test:5000,*.star.test");

    [Theory]
    [InlineData("http://registry.test/", "http://proxy:3128/")]
    [InlineData("https://registry.test/", "http://secure-proxy:3129/")]
    [InlineData("https://example.com/", null)]
    [InlineData("https://a.example.com/", null)]
    [InlineData("https://notexample.com/", "http://secure-proxy:3129/")]
    [InlineData("https://inner.test/", "http://secure-proxy:3129/")]
    [InlineData("https://a.inner.test/", null)]
    [InlineData("https://a.star.test/", null)]
    [InlineData("http://10.1.2.3:5000/", null)]
    [InlineData("http://11.1.2.3:5000/", "http://proxy:3128/")]
    [InlineData("http://192.168.1.7/", null)]
    [InlineData("http://other.test:5000/", null)]
    [InlineData("http://other.test:5001/", "http://proxy:3128/")]
    [InlineData("http://127.0.0.1:5000/", null)]
    [InlineData("http://127.9.9.9:5000/", null)]
    [InlineData("http://[::1]:5000/", null)]
    [InlineData("http://localhost:5000/", null)]
    public void GetProxy_Address_IsByRule(string address, string? proxy)
    {
        Assert.Equal(proxy, s_rules.GetProxy(new Uri(address))?.ToString());
        Assert.Equal(proxy is null, s_rules.GetProxy(new Uri(address)) is null);
    }

    [Fact]
    public void Credentials_InTheAddress_AreForTheProxyAlone()
    {
        NetworkCredential? credential = s_rules.Credentials!.GetCredential(new Uri("http://secure-proxy:3129/"), "Basic");

        Assert.Equal("alice", credential?.UserName);
        Assert.Equal("p@ss", credential?.Password);
        Assert.Null(s_rules.Credentials.GetCredential(new Uri("http://proxy:3128/"), "Basic"));
    }

    [Fact]
    public void GetProxy_Star_BypassesAll()
    {
        Assert.Null(new ProxyRules("proxy:1", "proxy:1", "*").GetProxy(new Uri("https://registry.test")));
    }

    [Fact]
    public void Create_NoAddress_ThrowsWithoutShowingIt()
    {
        MicaException error = Assert.Throws<MicaException>(() => new ProxyRules("ftp://alice:secret@x", null, null));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}
