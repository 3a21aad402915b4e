using Mica.Registry;

namespace Mica.Tests.Registry;

public sealed class TokenScopesTests
{
    [Fact]
    public void Union_OfResources_IsOneTextEach()
    {
        TokenScopes scopes = TokenScopes.Push("b/c").Union(TokenScopes.Pull("a"));

        Assert.Equal(["repository:a:pull", "repository:b/c:pull,push"], scopes.ToTexts());
    }

    [Fact]
    public void Parse_Challenge_IsTheSameSet()
    {
        TokenScopes scopes = TokenScopes.Parse("repository:x:push,pull  registry:catalog:* nonsense repository:h:5000/y:pull");

        Assert.Equal("registry:catalog:* repository:h:5000/y:pull repository:x:pull,push", scopes.ToString());
    }

    [Fact]
    public void Covers_PushOfTheSame_CoversPull()
    {
        Assert.True(TokenScopes.Push("x").Covers(TokenScopes.Pull("x")));
        Assert.False(TokenScopes.Pull("x").Covers(TokenScopes.Push("x")));
        Assert.False(TokenScopes.Push("x").Covers(TokenScopes.Pull("y")));
        Assert.True(TokenScopes.Pull("x").Covers(TokenScopes.None));
    }
}
