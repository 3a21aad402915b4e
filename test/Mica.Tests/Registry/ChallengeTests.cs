using Mica.Registry;

namespace Mica.Tests.Registry;

public sealed class ChallengeTests
{
    [Fact]
    public void Parse_Bearer_HasItsParameters()
    {
        Challenge challenge = Assert.Single(Challenge.Parse(
            """Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull,push" """));

        Assert.True(challenge.IsBearer);
        Assert.Equal("https://auth.docker.io/token", challenge["realm"]);
        Assert.Equal("registry.docker.io", challenge["service"]);
        Assert.Equal("repository:library/debian:pull,push", challenge["SCOPE"]);
        Assert.Null(challenge["error"]);
    }

    [Fact]
    public void Parse_SeveralInOneHeader_AreTold()
    {
        IReadOnlyList<Challenge> challenges = Challenge.Parse("""Basic realm="a, b", Bearer realm = "https://x/t" , service=y,Negotiate""");

        Assert.Equal(["Basic", "Bearer", "Negotiate"], challenges.Select(challenge => challenge.Scheme));
        Assert.Equal("a, b", challenges[0]["realm"]);
        Assert.Equal("https://x/t", challenges[1]["realm"]);
        Assert.Equal("y", challenges[1]["service"]);
    }

    [Fact]
    public void Parse_EscapesInQuotes_AreTakenOff()
    {
        Assert.Equal("a \"b\" \\", Assert.Single(Challenge.Parse("""basic realm="a \"b\" \\" """))["realm"]);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(",,,  ", 0)]
    [InlineData("Bearer", 1)]
    [InlineData("Bearer realm=\"unfinished", 1)]
    [InlineData("=x", 0)]
    [InlineData("\"x\"", 0)]
    public void Parse_Odd_EndsWithoutFailing(string header, int count)
    {
        Assert.Equal(count, Challenge.Parse(header).Count);
    }

    [Fact]
    public void Parse_Huge_IsNotRead()
    {
        Assert.Empty(Challenge.Parse("Bearer realm=\"" + new string('x', 100_000) + "\""));
        Assert.True(Challenge.Parse(string.Concat(Enumerable.Repeat("Basic realm=x, ", 1000))).Count <= 16);
    }
}
